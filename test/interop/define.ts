// Python classes for the counterparts of RPyC's test files (rpyc-*.test.ts), defined in the peer by its own text.
import * as rpyc from '../../src/index.ts';

/** What `code`, run in a module of its own in the peer (peers/server.py), calls `name`. In the face of `root`. */
export const define = (root: any, code: string, name: string): any =>
  root.eval(
    '(lambda code, name, names: (exec(code, names), names[name])[1])(code, name, {"__name__": "defined"})',
    rpyc.kwargs({ code: code.replace(/^\n/, '').replaceAll(/^ {6}/gm, ''), name }),
  );
