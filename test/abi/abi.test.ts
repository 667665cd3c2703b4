// The numbers of libuv, Node-API and OpenSSL that crates/addon and crates/net write down by hand, against the C headers of the running Node.
// abi.node is built by `npm test` (node-gyp); a constant that abi.c does not export yet is a failure, not a skip.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

const headers = createRequire(import.meta.url)('./build/Release/abi.node') as Record<string, number>;

/** `const UV_POLL: c_int = 8;` and the like; values are integers. libuv's prefix may be missing: every c_int of uv.rs is its. */
const CONSTANT = /\bconst (\w+)\s*:\s*(?:[\w:]*::)?c_u?int\s*=\s*(-?(?:0x[\da-fA-F_]+|\d[\d_]*))\s*;/g;

function constants(text: string): [name: string, value: number][] {
  return [...text.matchAll(CONSTANT)].map(([, name = '', value = '']) => [
    /^(UV|NAPI|napi)_/.test(name) ? name : `UV_${name}`,
    Number(value.replaceAll('_', '')),
  ]);
}

describe('constants bound by hand in crates/addon', () => {
  const bound = constants(readFileSync(join(root, 'crates/addon/src/uv.rs'), 'utf8'));

  test('there are some: the parser sees what the crate writes', () => {
    expect(bound.map(([name]) => name)).toContain('UV_READABLE');
  });

  test('each is the one in the headers of this Node', () => {
    for (const [name, value] of bound) {
      expect(headers, `abi.c does not export ${name}`).toHaveProperty(name);
      expect(value, name).toBe(headers[name]);
    }
  });
});

describe('constants of OpenSSL bound by hand in crates/net', () => {
  const source = join(root, 'crates/net/src');
  const text = ['openssl.rs', ...readdirSync(join(source, 'tls')).map((file) => join('tls', file))]
    .map((file) => readFileSync(join(source, file), 'utf8'))
    .join('');
  const bound = [...text.matchAll(/\bconst (\w+): (?:c_u?int|c_u?long|u32|u64) =\s*(0x[\da-fA-F_]+|[\d_]+);/g)];

  test('there are some: the parser sees what the crate writes', () => {
    expect(bound.map(([, name]) => name)).toEqual(
      expect.arrayContaining(['SSL_OP_NO_RENEGOTIATION', 'SSL_VERIFY_PEER', 'PEM_R_NO_START_LINE']),
    );
  });

  test('each is the one in the headers of this Node', () => {
    for (const [, name = '', value = ''] of bound) {
      expect(headers, `abi.c does not export ${name}`).toHaveProperty(name);
      expect(Number(value.replaceAll('_', '')), name).toBe(headers[name]);
    }
  });
});

test('the parser reads decimal, hexadecimal and negative constants', () => {
  const text =
    'pub const A: c_int = 1;\nconst UV_B: c_uint = 0x1_0;\nconst SIZE: usize = 3;\n  pub(crate) const UV_EOF: std::ffi::c_int = -4095;';
  expect(constants(text)).toEqual([
    ['UV_A', 1],
    ['UV_B', 16],
    ['UV_EOF', -4095],
  ]);
});

test('headers and the running Node are of one version', () => {
  const text = (hex: number) => `${hex >> 16}.${(hex >> 8) & 255}.${hex & 255}`;
  expect(text(headers.UV_VERSION_HEX ?? 0)).toBe(process.versions.uv);
  expect(headers['uv_version()']).toBe(headers.UV_VERSION_HEX);
});

test('a poll handle of the running libuv has the size that the headers promise', () => {
  expect(headers['uv_handle_size(UV_POLL)']).toBe(headers.UV_POLL_SIZE);
});

test('the data pointer is the first word of a handle, the loop the second', () => {
  expect(headers['offsetof(uv_handle_t, data)']).toBe(0);
  expect(headers['offsetof(uv_handle_t, loop)']).toBe(8);
});
