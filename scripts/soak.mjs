// `npm run soak -- 10m` (or 90s, 1h; default 10m): set-up, then test/soak/soak.ts, which says what it does. Not part of `npm test`.

import { root, run, runMain, SetupError, setUp } from './setup.mjs';

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 };

await runMain(async () => {
  const [given = '10m'] = process.argv.slice(2);
  const [, amount, unit] = /^(\d+)([smh])$/.exec(given) ?? [];
  const duration = Number(amount) * UNITS[unit];
  if (!(duration > 0)) throw new SetupError(`usage: npm run soak [-- DURATION], like 90s, 10m or 1h, not ${given}`);
  await setUp('native', 'python');
  const args = ['--import', './scripts/ts.mjs', 'test/soak/soak.ts', String(duration)];
  const { status } = await run(process.execPath, args, { cwd: root, check: false });
  process.exitCode = status;
});
