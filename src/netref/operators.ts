// Python's operators on remote objects: `op.add(a, b)` is `a + b` there. Comparisons go by CMP, arithmetic by the dunders.
import { HANDLE_CMP } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import { NotImplemented } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { type Answer, perform, type Ref } from './helpers.ts';
import { ask, askCall, type Steps } from './steps.ts';

/** The comparison that says the same with its operands exchanged. */
const MIRRORED = {
  __eq__: '__eq__',
  __ne__: '__ne__',
  __lt__: '__gt__',
  __gt__: '__lt__',
  __le__: '__ge__',
  __ge__: '__le__',
} as const;
type Comparison = keyof typeof MIRRORED;
const SYMBOLS: Record<Comparison, string> = {
  __eq__: '==',
  __ne__: '!=',
  __lt__: '<',
  __gt__: '>',
  __le__: '<=',
  __ge__: '>=',
};

function* compare(left: Holder, name: Comparison, right: unknown): Steps<unknown> {
  const answer = yield* ask(left, HANDLE_CMP, right, name);
  if (answer !== NotImplemented) return answer;
  const other = holderOf(right);
  if (other !== undefined) {
    const mirrored = yield* ask(other, HANDLE_CMP, left, MIRRORED[name]);
    if (mirrored !== NotImplemented) return mirrored;
  }
  if (name === '__eq__') return left === other;
  if (name === '__ne__') return left !== other;
  throw new exceptions.TypeError(`'${SYMBOLS[name]}' not supported between these operands`);
}

const comparison =
  (name: Comparison) =>
  (ref: Ref, other: unknown): Answer<boolean> =>
    perform(ref, (holder) => compare(holder, name, other) as Steps<boolean>);

function* arithmetic(left: Holder, name: string, right: unknown): Steps<unknown> {
  const pending = pendingOf(right);
  if (pending !== undefined) throw new TypeError('await the operand first');
  try {
    const answer = yield* askCall(left, `__${name}__`, [right]);
    if (answer !== NotImplemented) return answer;
  } catch (error) {
    if (!(error instanceof exceptions.AttributeError)) throw error;
  }
  const other = holderOf(right);
  const answer = other === undefined ? NotImplemented : yield* askCall(other, `__r${name}__`, [left]);
  if (answer === NotImplemented) throw new exceptions.TypeError(`unsupported operand types for ${name}`);
  return answer;
}

const binary =
  (name: string) =>
  (ref: Ref, other: unknown): Answer<Ref> =>
    perform(ref, (holder) => arithmetic(holder, name, other));

const unary =
  (name: string) =>
  (ref: Ref): Answer<Ref> =>
    perform(ref, (holder) => askCall(holder, `__${name}__`));

/** Python's operators, named as in its `operator` module. The first operand is remote. */
export const op = Object.freeze({
  eq: comparison('__eq__'),
  ne: comparison('__ne__'),
  lt: comparison('__lt__'),
  le: comparison('__le__'),
  gt: comparison('__gt__'),
  ge: comparison('__ge__'),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  matmul: binary('matmul'),
  truediv: binary('truediv'),
  floordiv: binary('floordiv'),
  mod: binary('mod'),
  divmod: binary('divmod'),
  pow: binary('pow'),
  lshift: binary('lshift'),
  rshift: binary('rshift'),
  and: binary('and'),
  or: binary('or'),
  xor: binary('xor'),
  neg: unary('neg'),
  pos: unary('pos'),
  invert: unary('invert'),
  abs: unary('abs'),
});
