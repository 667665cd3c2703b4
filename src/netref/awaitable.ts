// The awaitable face of a remote object: every operation is a promise, an attribute a path.
import { inspect } from 'node:util';
import { HOLDER, type Holder } from '../refs/holder.ts';
import { AwaitableHandler, describe, FACE, isLocal, MAX_CACHED } from './handler.ts';
import { iterate } from './iteration.ts';
import { type CallOptions, OPTIONS } from './options.ts';
import { callLater, makePath } from './path.ts';

export class AwaitableNetref extends AwaitableHandler {
  private readonly holder: Holder;
  private readonly options: CallOptions | undefined;
  private paths: Map<string, object> | undefined;

  constructor(holder: Holder, options: CallOptions | undefined) {
    super();
    this.holder = holder;
    this.options = options;
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string') {
      const path = this.paths?.get(key);
      if (path !== undefined) return path;
      if (!isLocal(key)) return this.path(key);
    }
    const { holder, options } = this;
    switch (key) {
      case HOLDER:
        return holder;
      case FACE:
        return 'async';
      case OPTIONS:
        return options;
      case Symbol.asyncIterator:
        return () => iterate(holder, options).async();
      case Symbol.dispose:
        return () => holder.peer.release(holder);
      case Symbol.asyncDispose:
        return async () => holder.peer.release(holder);
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => describe(holder);
      default:
        return undefined;
    }
  }

  private path(key: string): object {
    const path = makePath(this.holder, key, this.options);
    this.paths ??= new Map();
    if (this.paths.size < MAX_CACHED) this.paths.set(key, path);
    return path;
  }

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return callLater(this.holder, undefined, args, this.options);
  }

  construct(_target: object, args: unknown[]): object {
    return callLater(this.holder, undefined, args, this.options);
  }

  /** Nothing that would need the peer: `await hasattr(ref, name)` asks. */
  has(_target: object, key: string | symbol): boolean {
    return (
      key === Symbol.asyncIterator ||
      key === Symbol.dispose ||
      key === Symbol.asyncDispose ||
      key === HOLDER ||
      key === FACE
    );
  }
}
