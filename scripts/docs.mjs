// `npm run docs`: the API reference from the docstrings, by typedoc (typedoc.json), to build/api. Fails on warnings: a link that leads
// nowhere, something exported without a docstring. typedoc uses the compiler's JavaScript API, which TypeScript 7 no longer has: here its
// `typescript` is 6.0, installed under the name `typescript-6.0`.
import { register } from 'node:module';
import { root, runMain, SetupError, say, setUp } from './setup.mjs';

const HOOKS = `export const resolve = (specifier, context, next) => next(specifier === 'typescript' ? 'typescript-6.0' : specifier, context);`;

await runMain(async () => {
  await setUp();
  process.chdir(root);
  register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
  const { Application, TSConfigReader, TypeDocReader } = await import('typedoc');
  const app = await Application.bootstrapWithPlugins({}, [new TypeDocReader(), new TSConfigReader()]);
  const project = await app.convert();
  if (project !== undefined) {
    app.validate(project);
    if (!app.logger.hasErrors() && !app.logger.hasWarnings()) await app.generateOutputs(project);
  }
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new SetupError('the docstrings need mending');
  say('the API reference is build/api/index.html');
});
