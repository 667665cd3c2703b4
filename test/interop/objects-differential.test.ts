// Counterpart of rpyc's tests/test_magic.py and test_attributes.py: one table of expressions, each evaluated by a Python client on a real
// Python object, on a real remote one (Python to Python RPyC) and on ours. Ours must do as one of the two: result, exception, text, and what
// the object holds afterwards. Where the two differ (operands of a remote list that are local), the transparent answer is the better one.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class Makes extends rpyc.Service {
  exposed_nums = () => [3, 1, 2];
  exposed_words = () => ['b', 'a', 'C', 'é'];
  exposed_mixed = () => [1, 'a', null, [1], rpyc.tuple(1, 2), true, 1.5];
  exposed_empty = () => [];
  exposed_dict = () => ({ a: 1, b: 2, c: null });
  exposed_map = () =>
    new Map<unknown, unknown>([
      ['a', 1],
      [2, 'two'],
      [rpyc.tuple(1, 2), 'pair'],
      [null, 0],
    ]);
  exposed_emptymap = () => new Map();
  exposed_set = () => new Set([1, 2, 3]);
  exposed_emptyset = () => new Set();
  exposed_pairs = () => new Set([rpyc.tuple(1, 2), 'x']);
  *exposed_gen() {
    yield 1;
    yield 2;
    yield 3;
  }
  async *exposed_agen() {
    yield 1;
    yield 2;
    yield 3;
  }
  *exposed_echoes(): Generator<unknown, void, unknown> {
    let got: unknown = 'ready';
    for (;;) {
      try {
        got = yield got;
      } catch (error) {
        if (!(error instanceof rpyc.exceptions.ValueError)) throw error;
        got = `caught ${error.message}`;
      }
    }
  }
  *exposed_stubborn() {
    try {
      yield 1;
    } finally {
      yield 2;
    }
  }
  *exposed_broken() {
    yield 1;
    throw new rpyc.exceptions.KeyError('broken');
  }
  *exposed_stopping() {
    yield 1;
    throw new rpyc.exceptions.StopIteration();
  }
}

/** The same in Python, and the comparison. */
const PROGRAM = `
class Makes(rpyc.Service):
    def exposed_nums(self): return [3, 1, 2]
    def exposed_words(self): return ["b", "a", "C", "é"]
    def exposed_mixed(self): return [1, "a", None, [1], (1, 2), True, 1.5]
    def exposed_empty(self): return []
    def exposed_dict(self): return {"a": 1, "b": 2, "c": None}
    def exposed_map(self): return {"a": 1, 2: "two", (1, 2): "pair", None: 0}
    def exposed_emptymap(self): return {}
    def exposed_set(self): return {1, 2, 3}
    def exposed_emptyset(self): return set()
    def exposed_pairs(self): return {(1, 2), "x"}
    def exposed_gen(self): return iter_of((1, 2, 3))
    def exposed_agen(self): return iter_of((1, 2, 3))
    def exposed_echoes(self): return echoes()
    def exposed_stubborn(self): return stubborn()
    def exposed_broken(self): return broken()
    def exposed_stopping(self): return stopping()

def iter_of(values):
    for value in values:
        yield value

def echoes():
    got = "ready"
    while True:
        try:
            got = yield got
        except ValueError as error:
            got = "caught " + str(error)

def stubborn():
    try:
        yield 1
    finally:
        yield 2

def broken():
    yield 1
    raise KeyError("broken")

def stopping():
    yield 1
    raise StopIteration()

VIEWS = ("dict_keys", "dict_values", "dict_items")

def show(value, depth=0):
    name = type(value).__name__.split(".")[-1]
    if depth > 6:
        return "deep"
    if isinstance(value, list) or name in VIEWS:
        return ["list"] + [show(item, depth + 1) for item in value]
    if isinstance(value, tuple):
        return ["tuple"] + [show(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return ["dict"] + [[show(key, depth + 1), show(value[key], depth + 1)] for key in value]
    if isinstance(value, (set, frozenset)):
        return ["set"] + sorted(repr(item) for item in value)
    if hasattr(value, "__next__"):
        return "an iterator"
    return [type(value).__name__, repr(value)]

def attempt(x, code, others):
    names = dict(others, x=x)
    try:
        try:
            compiled = compile(code, "expression", "eval")
        except SyntaxError:
            exec(code, names)
            got = ["ran"]
        else:
            got = ["value", show(eval(compiled, names))]
    except Exception as error:
        cls = next(c for c in type(error).__mro__ if c.__module__ == "builtins" and c.__name__ != "Derived")
        got = ["raised", cls.__name__, str(error).split("\\n")[0]]
    after = names["x"]
    return got + [show(after)]

python = rpyc.connect_thread(remote_service=Makes, remote_config={"allow_public_attrs": True})
local = Makes()
out["bad"], out["count"], out["as local"] = [], 0, 0
for kind, code in CASES:
    results = []
    # The real remote object is asked only where the local one does not decide: a call between two Python threads is slow.
    for make in (lambda k: getattr(root, k)(), lambda k: getattr(local, "exposed_" + k)(), lambda k: getattr(python.root, k)()):
        if len(results) == 2 and results[0] == results[1]:
            break
        others = {"nums": make("nums"), "other": make("set" if "set" in kind else "nums"), "dict_of": make("dict"), "map_of": make("map")}
        results.append(attempt(make(kind), code, others))
    ours = results[0]
    out["count"] += 1
    if ours not in results[1:]:
        out["bad"].append(json.dumps([kind, code] + results))
    if len(results) == 2:
        out["as local"] += 1
python.close()
`;

const CASES: Record<string, string> = {
  nums: `
    len(x) | bool(x) | x[0] | x[-1] | x[True] | x[3] | x[-4] | x["a"] | x[1.5] | x[None] | x[1:] | x[::-1] | x[::2] | x[5:1] | x[-2:] | x[::0] | x["a":]
    x[0] = 9 | x[-1] = 9 | x[3] = 1 | x["a"] = 1 | x[1:2] = nums | x[::2] = nums | x[1:1] = nums | x[:] = () | x[0:2] = "ab" | x[0:1] = 5 | x[::2] = 5
    del x[0] | del x[-1] | del x[3] | del x[0:2] | del x[::2] | del x["a"]
    1 in x | 9 in x | 1.0 in x | True in x | "a" in x | None in x | list(x) | sorted(x) | sum(x) | max(x) | min(x) | list(reversed(list(x))) | list(iter(x)) | tuple(x) | [*x]
    repr(x) | str(x) | hash(x) | isinstance(x, list) | isinstance(x, (tuple, dict)) | x == x | x != x | x == nums | x != nums | x == 5 | x < nums | x <= nums | x < [9] | x > 5 | x == None
    x + nums | x + [4] | x + (4,) | x + 5 | x * 2 | 2 * x | x * 0 | x * -1 | x * "a" | x * 1.5 | x + x | x - x
    x.append(4) | x.append() | x.append(1, 2) | x.append(a=1) | x.append([5]) | x.append(None) | x.append((1, 2))
    x.extend([7, 8]) | x.extend(nums) | x.extend("ab") | x.extend(range(3)) | x.extend({"k": 1}) | x.extend(5) | x.extend(None) | x.extend() | x.extend(i * i for i in range(3)) | x.extend(x) | x.extend(dict_of)
    x.insert(0, 9) | x.insert(-1, 9) | x.insert(99, 9) | x.insert(-99, 9) | x.insert("a", 9) | x.insert(1.5, 9) | x.insert(1) | x.insert(1, 2, 3)
    x.pop() | x.pop(0) | x.pop(-1) | x.pop(3) | x.pop(-4) | x.pop("a") | x.pop(1, 2) | x.pop(1.5) | x.pop(True)
    x.remove(1) | x.remove(9) | x.remove() | x.remove(1.0) | x.remove(True)
    x.index(1) | x.index(2, 1) | x.index(3, 1) | x.index(1, 0, 1) | x.index(1, -2) | x.index(1, -2, -1) | x.index(1, 0, 99) | x.index(9) | x.index("a") | x.index((1, 2)) | x.index(1, "a") | x.index() | x.index(1, 2, 3, 4) | x.index(1.0) | x.index(None)
    x.count(1) | x.count(9) | x.count(True) | x.count() | x.count("a")
    x.sort() | x.sort(reverse=True) | x.sort(key=lambda v: -v) | x.sort(key=lambda v: v % 2) | x.sort(key=lambda v: v % 2, reverse=True) | x.sort(key=None) | x.sort(key=str) | x.sort(1) | x.sort(foo=1) | x.sort(key=5) | x.sort(key=lambda v: 1 / 0)
    x.reverse() | x.reverse(1) | x.clear() | x.clear(1) | x.copy() | x.copy(1) | x.copy() is x | x.absent | x.push(1)
    x += [4] | x += (4, 5) | x += "ab" | x += 5 | x += nums | x *= 2 | x *= 0 | x *= "a"
    list(map(lambda v: v + 1, x)) | [a + b for a, b in zip(x, nums)] | list(enumerate(x)) | (lambda *a: a)(*x) | any(x) | all(x) | dict.fromkeys(x) | next(iter(x)) | "".join(map(str, x)) | callable(x.append)`,
  words: `
    sorted(x) | x.sort() | x.sort(key=lambda s: s.lower()) | x.sort(reverse=True) | x.index("C") | "a" in x | "".join(x) | x.count("a") | repr(x) | x + ["z"] | max(x)`,
  mixed: `
    repr(x) | len(x) | (1, 2) in x | [1] in x | x.index(None) | x.index((1, 2)) | x.count(1) | x.count(True) | x.sort() | x.remove((1, 2)) | x[3] | x[3].append(2) | x[4] | True in x | 1.5 in x | x.index(1.5)
    x.sort(key=str) | x == x | x[:] | x.reverse() | x[3][0] = 5 | x[3] = nums`,
  empty: `
    len(x) | bool(x) | x[0] | x.pop() | x.pop(0) | x.pop("a") | list(x) | repr(x) | x.sort() | x + x | x * 3 | x == [] | max(x) | x.remove(1) | x.index(1) | x[:] | x[0:5] | del x[0] | x[0] = 1 | x[:] = [1] | x.extend(x) | x.clear() | next(iter(x))`,
  dict: `
    len(x) | bool(x) | x["a"] | x["c"] | x["z"] | x[1] | x[None] | x[(1, 2)] | x[[1]] | x["a"] = 5 | x["new"] = 5 | x[[1]] = 2 | del x["a"] | del x["z"] | "a" in x | "z" in x | 1 in x | None in x | [1] in x
    list(x) | sorted(x) | dict(x) | {**x} | repr(x) | str(x) | hash(x) | isinstance(x, dict) | isinstance(x, list) | x == x | x != x | x == dict_of | x != dict_of | x == 5 | x == map_of | x < dict_of
    x.keys() | x.values() | x.items() | sorted(x.keys()) | x.keys(1) | dict(x.items()) == {"a": 1, "b": 2, "c": None} | (lambda **k: sorted(k))(**x) | x.keys(a=1)
    x.get("a") | x.get("z") | x.get("z", 5) | x.get() | x.get(1, 2, 3) | x.get("c", 5) | x.get([1]) | x.get(key="a")
    x.pop("a") | x.pop("z") | x.pop("z", 5) | x.pop("z", None) | x.pop() | x.pop(1, 2, 3) | x.pop("c")
    x.popitem() | x.popitem(1) | x.setdefault("a", 9) | x.setdefault("z", 9) | x.setdefault("z") | x.setdefault() | x.clear() | x.clear(1) | x.copy() | x.copy() is x | x.absent
    x.update({"d": 4}) | x.update({"a": 9}, e=5) | x.update(f=6) | x.update() | x.update([("g", 7)]) | x.update([(1,)] and [("h",)]) | x.update([5]) | x.update(5) | x.update({}, {}) | x.update(dict_of) | x.update(["ab"]) | x.update([["k", 1]]) | x.update(("k", v) for v in (1, 2))
    x | {"d": 4} | x | dict_of | x | 5 | {"d": 4} | x | x + x | x[0:1]`,
  map: `
    len(x) | x["a"] | x[2] | x[2.0] | x[(1, 2)] | x[None] | x[(1, 3)] | x[True] | x[5] | x[[1]] | x[{}] | x[(1, [2])] | x[(1, 2)] = 5 | x[2.0] = 5 | x[True] = 1 | x[(9, 9)] = 1 | x[[1]] = 1 | x[({},)] = 1 | del x[(1, 2)] | del x[None] | del x[9] | del x[2.0]
    (1, 2) in x | None in x | 2 in x | 2.0 in x | [1] in x | {} in x | list(x) | repr(x) | x.items() | x.keys() | x.values() | dict(x) | x == map_of | x == dict_of | x.copy() | x.popitem() | x.pop((1, 2)) | x.pop(None) | x.pop(9) | x.get((1, 2)) | x.get((3,), 4) | x.get([1])
    x.setdefault((1, 2), 9) | x.setdefault((3,), 9) | x.setdefault([1], 9) | x.update({(1, 2): 0}) | x.update({3: 4}, k=5) | x.update(map_of) | x.clear() | hash(x) | bool(x) | x | {3: 4}`,
  emptymap: `
    len(x) | bool(x) | x.popitem() | repr(x) | list(x) | x["a"] | x == {} | x.pop("a") | x.pop("a", 1) | x.setdefault("a", []) | dict(x) | x.clear() | x.update(a=1) | x[1] = 2`,
  set: `
    len(x) | bool(x) | 1 in x | 9 in x | 1.0 in x | True in x | [1] in x | {} in x | sorted(x) | list(x) == [1, 2, 3] | repr(x) | str(x) | hash(x) | isinstance(x, set) | isinstance(x, list) | set(x) | frozenset(x)
    x == x | x != x | x == other | x != other | x == frozenset([1, 2, 3]) | x == frozenset([1]) | x == 5 | x <= other | x < other | x >= other | x > other | x < frozenset([1, 2, 3, 4]) | x > frozenset([1]) | x <= 5 | x < [1]
    x.add(4) | x.add(1) | x.add((1, 2)) | x.add(1.0) | x.add(True) | x.add([1]) | x.add({}) | x.add() | x.add(1, 2) | x.add(a=1) | x.add(None) | x.add((1, [2]))
    x.discard(1) | x.discard(9) | x.discard([1]) | x.discard() | x.remove(1) | x.remove(9) | x.remove("a") | x.remove((1, 2)) | x.remove([1]) | x.remove(1.0) | x.remove()
    x.pop() in (1, 2, 3) and len(x) | x.pop(1) | x.clear() | x.clear(1) | x.copy() | x.copy() is x | x.copy(1) | x[0] | x[0] = 1 | x.absent
    x.union([4]) | x.union([4], (5,), {6: 7}) | x.union() | x.union(5) | x.union("ab") | x.union(other) | x.union([[1]]) | x.union(a=1) | x.union(range(5))
    x.intersection([1, 9]) | x.intersection(other) | x.intersection() | x.intersection([1, 2], [2, 3]) | x.intersection(5) | x.intersection(v for v in (1, 5))
    x.difference([1, 9]) | x.difference(other) | x.difference() | x.difference([1], [2]) | x.difference(5) | x.symmetric_difference([1, 9]) | x.symmetric_difference(other) | x.symmetric_difference() | x.symmetric_difference(5)
    x.issubset([1, 2, 3, 4]) | x.issubset([1]) | x.issubset(other) | x.issubset() | x.issubset(5) | x.issuperset([1]) | x.issuperset([9]) | x.issuperset(other) | x.issuperset(5) | x.isdisjoint([9]) | x.isdisjoint([1]) | x.isdisjoint(other) | x.isdisjoint(5) | x.isdisjoint([1], [2])
    x.update([4]) | x.update([4], (5,)) | x.update() | x.update(5) | x.update("ab") | x.intersection_update([1, 9]) | x.difference_update([1, 9]) | x.symmetric_difference_update([1, 9]) | x.symmetric_difference_update()
    x.__or__(other) | x.__or__(frozenset([9])) | x & other | x - other | x ^ other | x & frozenset([1, 9]) | x - frozenset([1]) | x ^ frozenset([1, 9]) | x & 5 | x - [1] | x ^ None | x & {1, 9} | x - {1} | x ^ {1, 9}
    x &= frozenset([1]) | x -= frozenset([1]) | x ^= frozenset([1, 9]) | x &= other | x -= other | x ^= other | x &= 5 | x + other | [v * 2 for v in sorted(x)]`,
  emptyset: `
    len(x) | bool(x) | repr(x) | x.pop() | x.remove(1) | list(x) | x == set() | x == frozenset() | x.union() | x.issubset([]) | x.update([1]) | x.isdisjoint([])`,
  pairs: `
    (1, 2) in x | (1, 3) in x | "x" in x | x.remove((1, 2)) | x.discard((1, 2)) | x.add((1, 2)) | len(x) | x.union([(1, 2)]) | x.intersection([(1, 2)]) | x.difference([(1, 2)]) | x == frozenset([(1, 2), "x"]) | x.remove((1, 3))`,
  gen: `
    list(x) | sum(x) | next(x) | [next(x), next(x), next(x), next(x, "end")] | iter(x) is x | 2 in x | 9 in x | list(zip(x, x)) | max(x) | sorted(x, reverse=True) | len(x) | x[0] | bool(x) | tuple(x) | dict(zip("abc", x)) | isinstance(x, list) | [next(x), list(x)] | list(rpyc.buffiter(x)) if 0 else 0
    x.send(None) | x.send(5) | x.send() | x.send(1, 2) | [next(x), x.send(5)] | x.close() | [x.close(), list(x)] | [next(x), x.close(), list(x)] | x.close(1) | x.close(a=1) | [x.close(), x.close()] | x.throw(ValueError) | x.throw(ValueError("v")) | x.throw(ValueError, "v") | x.throw(KeyError, KeyError("k")) if 0 else 0 | x.throw() | x.throw(5) | [next(x), x.throw(ValueError("v"))] | x == x | hash(x) == hash(x) | x == nums | x.absent | x + 1`,
  agen: `
    list(x) | sum(x) | next(x) | [next(x), next(x), next(x), next(x, "end")] | iter(x) is x | 2 in x | list(zip(x, x)) | [next(x), list(x)] | [next(x), x.close(), list(x)] | x.send(None) | x.send(5) | [next(x), x.send(5)] | x.throw(ValueError("v")) | [next(x), x.throw(ValueError("v"))] | len(x) | tuple(x)`,
  echoes: `
    [next(x), x.send(1), x.send("a"), x.send(None), x.throw(ValueError("v")), x.send(3)] | [next(x), x.throw(ValueError, "w")] | [next(x), x.throw(KeyError("k"))] | [next(x), x.throw(ValueError)] | x.send(1) | [next(x), x.close(), next(x, "end")]`,
  stubborn: `[next(x), x.close()] | list(x) | x.close() | [next(x), next(x), next(x, "end")]`,
  broken: `list(x) | [next(x), next(x)] | [v for v in x]`,
  stopping: `list(x) | [next(x), next(x, "end")]`,
};

const PUBLIC = { allow_public_attrs: true };
/** \`a | b\` of dicts and sets are written with the methods here, as the bar separates expressions. */
const EXTRA: [string, string][] = [
  ['set', 'x | other'],
  ['set', 'x | frozenset([9])'],
  ['set', 'x | {9}'],
  ['set', 'x | [9]'],
  ['set', 'frozenset([9]) | x'],
  ['set', 'frozenset([1, 9]) - x'],
  ['set', 'frozenset([1, 9]) & x'],
  ['set', 'x |= other'],
  ['set', 'x |= frozenset([9])'],
  ['dict', 'x | {"d": 4}'],
  ['dict', 'x | dict_of'],
  ['dict', 'x | 5'],
  ['dict', 'x |= {"d": 4}'],
  ['map', 'x | {3: 4}'],
];

function cases(): [string, string][] {
  const split = Object.entries(CASES).flatMap(([kind, text]) =>
    text
      .split(/\s*\n\s*| \| /)
      .map((code) => code.trim())
      .filter((code) => code !== '')
      .map((code): [string, string] => [kind, code]),
  );
  return [...split, ...EXTRA];
}

describePython.each(PYTHONS)('To a Python client of RPyC %s', (version) => {
  test('every expression on a list, dict, set or generator of ours does as on one of Python', async () => {
    const { port } = await serve(Makes, PUBLIC);
    const table = cases();
    const literal = JSON.stringify(JSON.stringify(table));
    const out = await runClient(version, port, `import json\nCASES = json.loads(${literal})\n${PROGRAM}`, PUBLIC);
    expect(out.bad).toEqual([]);
    expect(out.count).toBe(table.length);
    expect(out['as local']).toBeGreaterThan(table.length * 0.8);
    expect(table.length).toBeGreaterThan(400);
  });
});
