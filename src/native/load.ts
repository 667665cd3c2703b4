// Loads the addon, once per thread. The only file that knows where the binary lies.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Addon } from './addon.ts';

/** Path of `build/rpyc.node` of a checkout; src/native and dist/native lie equally deep. */
export const ENGINE: string = fileURLToPath(new URL('../../build/rpyc.node', import.meta.url));

function load(): Addon {
  try {
    return createRequire(import.meta.url)(ENGINE) as Addon;
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0];
    throw Object.assign(
      new Error(
        `rpyc: the native engine did not load (${reason}). Build it with: npm run build:native. It is found beside the package's own files: a bundler has to leave rpyc external`,
        { cause },
      ),
      { code: 'ERR_RPYC_ADDON' },
    );
  }
}

export const addon: Addon = load();
