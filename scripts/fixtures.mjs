// `npm run fixtures:capture [-- --out FILE]` records test/fixtures/rpyc-vectors.json anew from real RPyC (about 5 minutes);
// `npm run fixtures:verify [-- FILE]` decodes and re-encodes every entry of it with the real RPyC of its version.

import { join } from 'node:path';
import { pythonOf, RPYC_VERSIONS, root, run, runMain, SetupError, setUp } from './setup.mjs';

const FILE = 'test/fixtures/rpyc-vectors.json';

await runMain(async () => {
  await setUp('python');
  const [what, ...rest] = process.argv.slice(2);
  const pythons = RPYC_VERSIONS.map(pythonOf);
  const script = (name) => join(root, 'test/fixtures/capture', name);
  if (what === 'verify') {
    await run(pythons[0], [script('verify.py'), rest[0] ?? FILE, ...pythons]);
  } else if (what === 'capture') {
    const version = (
      await run(pythons[0], ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { stdout: 'pipe' })
    ).trim();
    if (version !== '3.11')
      throw new SetupError(
        `capture needs CPython 3.11, .venv has ${version}: remove .venv and name a 3.11 in RPYC_PYTHON`,
      );
    await run(pythons[0], [script('capture.py'), ...(rest.length ? rest : ['--out', FILE]), ...pythons]);
  } else throw new SetupError('usage: fixtures.mjs capture [--out FILE] | verify [FILE]');
});
