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

/**
 * Python's operators, named as in its `operator` module. The first operand is remote, the second anything; the answer is a value on a
 * blocking reference, a promise on an awaitable one. Where the first operand does not know the second, the second is asked (`__radd__`, …).
 *
 *     const total = await rpyc.op.add(await conn.root.price(), 5);
 *     if (await rpyc.op.lt(first, second)) …
 *
 * @throws TypeError (rpyc.exceptions) where neither operand knows the other
 */
export const op = Object.freeze({
  /** `a == b`. */
  eq: comparison('__eq__'),
  /** `a != b`. */
  ne: comparison('__ne__'),
  /** `a < b`. */
  lt: comparison('__lt__'),
  /** `a <= b`. */
  le: comparison('__le__'),
  /** `a > b`. */
  gt: comparison('__gt__'),
  /** `a >= b`. */
  ge: comparison('__ge__'),
  /** `a + b`. */
  add: binary('add'),
  /** `a - b`. */
  sub: binary('sub'),
  /** `a * b`. */
  mul: binary('mul'),
  /** `a @ b`. */
  matmul: binary('matmul'),
  /** `a / b`. */
  truediv: binary('truediv'),
  /** `a // b`. */
  floordiv: binary('floordiv'),
  /** `a % b`. */
  mod: binary('mod'),
  /** `divmod(a, b)`, a tuple. */
  divmod: binary('divmod'),
  /** `a ** b`. */
  pow: binary('pow'),
  /** `a << b`. */
  lshift: binary('lshift'),
  /** `a >> b`. */
  rshift: binary('rshift'),
  /** `a & b`. */
  and: binary('and'),
  /** `a | b`. */
  or: binary('or'),
  /** `a ^ b`. */
  xor: binary('xor'),
  /** `-a`. */
  neg: unary('neg'),
  /** `+a`. */
  pos: unary('pos'),
  /** `~a`. */
  invert: unary('invert'),
  /** `abs(a)`. */
  abs: unary('abs'),
});
