// Numbers of the wire, with RPyC's own names. Answers to rpyc/core/consts.py.

export const MSG_REQUEST = 1;
export const MSG_REPLY = 2;
export const MSG_EXCEPTION = 3;

export const HANDLE_PING = 1;
export const HANDLE_CLOSE = 2;
export const HANDLE_GETROOT = 3;
export const HANDLE_GETATTR = 4;
export const HANDLE_DELATTR = 5;
export const HANDLE_SETATTR = 6;
export const HANDLE_CALL = 7;
export const HANDLE_CALLATTR = 8;
export const HANDLE_REPR = 9;
export const HANDLE_STR = 10;
export const HANDLE_CMP = 11;
export const HANDLE_HASH = 12;
export const HANDLE_DIR = 13;
export const HANDLE_PICKLE = 14;
export const HANDLE_DEL = 15;
export const HANDLE_INSPECT = 16;
export const HANDLE_BUFFITER = 17;
export const HANDLE_OLDSLICING = 18;
export const HANDLE_CTXEXIT = 19;
export const HANDLE_INSTANCECHECK = 20;

/** Vinegar's whole payload for StopIteration. */
export const EXC_STOP_ITERATION = 1;

/** Names of the handlers, for logs and traces. */
export const HANDLER_NAMES: readonly (string | undefined)[] =
  ',ping,close,getroot,getattr,delattr,setattr,call,callattr,repr,str,cmp,hash,dir,pickle,del,inspect,buffiter,oldslicing,ctxexit,instancecheck'.split(
    ',',
  );
