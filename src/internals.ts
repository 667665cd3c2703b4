// The door to the engine, the codec and the promise of a call for benchmarks and tests: what they measure and take apart. Not part of the package's interface.
export { Exports } from './boxing/exports.ts';
export { BoxReader } from './boxing/reader.ts';
export { BoxWriter } from './boxing/writer.ts';
export { enterBatch, flush, leaveBatch, nameId, nameOf, tx } from './native/engine.ts';
export { addon } from './native/load.ts';
export { RECORD_WORDS, Tag } from './native/tape.ts';
export { callPromises } from './netref/call-promise.ts';
