// The data-only pickle codec: Python's containers, numbers, text, bytes, dates, Decimal and numpy arrays by value; nothing that executes.
// Answers to Python's pickle module, as far as RPyC's obtain and deliver use it.
export { loads, type ReadOptions } from './pickle-read.ts';
export {
  type NdArray,
  ndarray,
  PyDate,
  PyDateTime,
  PyDecimal,
  PyTime,
  PyTimedelta,
  type Shaped,
  type TypedArray,
} from './pickle-types.ts';
export { dumps, type WriteOptions } from './pickle-write.ts';
