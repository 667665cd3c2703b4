// The way out of a denial: advice from the name alone.
import { expect, test } from 'vitest';
import { accessHint } from '../../../src/policy/hint.ts';

test('a Node owner is told of its four ways, a Python owner of its three', () => {
  expect(accessHint("cannot access 'v'", true)).toBe(
    "its owner offers 'v' if it is called exposed_v, listed in `static exposed = ['v']` or marked @exposed, or with config allow_public_attrs; writing takes allow_setattr besides, deleting allow_delattr",
  );
  expect(accessHint("cannot access 'v'", false)).toBe(
    "its owner offers 'v' if it is called exposed_v or marked @rpyc.exposed, or with allow_public_attrs in its protocol_config; writing takes allow_setattr besides, deleting allow_delattr",
  );
  expect(accessHint("cannot access 'api_v'", true, 'api_')).toContain('called api_v');
});

test('a name with an underscore takes all attributes, a forbidden one nothing opens', () => {
  expect(accessHint("cannot access '_v'", true)).toContain('allow_all_attrs');
  for (const name of ['constructor', '__proto__'])
    expect(accessHint(`cannot access '${name}'`, true)).toBe(`'${name}' is out of reach under every configuration`);
});

test('nothing else is advised on', () => {
  for (const text of [
    '',
    "'Point' object has no attribute 'v'",
    'access denied',
    "cannot access ''",
    'cannot access v',
  ])
    expect(accessHint(text, true)).toBeUndefined();
});
