// How JavaScript objects answer Python's operations: one table per kind. This file only gathers them.
// Tables own semantics and error texts; whether a peer may ask at all is access.ts.
export { DATA_FACADE, DICT_FACADE, OBJECT_FACADE } from './dict.ts';
export { FORBIDDEN } from './forbidden.ts';
export { instanceFacade, OFFERED } from './instance.ts';
export { GENERATOR_FACADE } from './iterator.ts';
export { LIST_FACADE } from './list.ts';
export { type Facade, NO_FACADE } from './pythonic.ts';
export { SET_FACADE } from './set.ts';
