// The service module of `rpyc_classic`, for the processes that serve it. Exports RPyC's SlaveService.
export { SlaveService as default } from '../service/classic.ts';
