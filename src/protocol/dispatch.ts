// Requests of the peer, from record to reply: reads the arguments, has the handler do it (handlers.ts), and answers, now or when the handler's
// promise settles. How many are served at a time is flow.ts. Answers to Connection._dispatch_request of rpyc/core/protocol.py.
import type { BoxReader } from '../boxing/reader.ts';
import * as H from '../constants.ts';
import { BackpressureError } from '../errors.ts';
import { hideOwnFrames } from '../exceptions/stack.ts';
import { nameOf } from '../native/engine.ts';
import type { Arena } from '../native/tape.ts';
import { isThenable } from '../objects/pythonic.ts';
import { accessHint } from '../policy/hint.ts';
import { exceptions } from '../python/exceptions.ts';
import { type Deferred, isBlocked } from './blocking.ts';
import type { Flow } from './flow.ts';
import { callAttribute, entryOf, handle, type Serving } from './handlers.ts';
import type { RequestServer } from './inbox.ts';
import type { Link } from './link.ts';
import { nest } from './nesting.ts';
import { publishEnd, publishError, publishStart, startClock } from './observe.ts';
import type { Outbox } from './outbox.ts';
import type { Answered } from './statistics.ts';

export class Dispatcher implements RequestServer, Answered {
  served = 0;
  failed = 0;
  private readonly link: Link;
  private readonly reader: BoxReader;
  private readonly outbox: Outbox;
  private readonly deferred: Deferred;
  private readonly flow: Flow;
  private readonly serving: Serving;

  constructor(link: Link, reader: BoxReader, outbox: Outbox, deferred: Deferred, flow: Flow, serving: Serving) {
    this.link = link;
    this.reader = reader;
    this.outbox = outbox;
    this.deferred = deferred;
    this.flow = flow;
    this.serving = serving;
  }

  /** Serves one REQUEST record. Never throws. */
  serve(arena: Arena, at: number, seq: number): void {
    if (this.link.bound) nest(this.link, seq, () => this.answer(arena, at, seq));
    else this.answer(arena, at, seq);
  }

  private answer(arena: Arena, at: number, seq: number): void {
    const { reader, serving } = this;
    const { words } = arena;
    const handler = words[at + 3];
    if (this.flow.full && handler !== H.HANDLE_CLOSE) {
      this.enter(arena, at, seq);
      return;
    }
    const started = startClock();
    let what = H.HANDLER_NAMES[handler] ?? 'request';
    try {
      let result: unknown;
      if (handler === H.HANDLE_CALLATTR && words[at + 5] > 0) {
        what = nameOf(words[at + 5]);
        const args = reader.start(arena, words[at + 7], serving.root.face).tuple();
        const named = words[words[at + 6] + 1] > 3 ? reader.kwargs() : undefined;
        if (started !== 0) this.begins(seq, what);
        result = callAttribute(serving, entryOf(serving, words[at + 4]), what, args, named);
      } else if (handler === H.HANDLE_CLOSE) {
        this.link.hangUp();
        return;
      } else {
        const args = reader.start(arena, words[at + 6], serving.root.face).tuple();
        if (handler === H.HANDLE_CALL) what = calleeName(serving, words[at + 4]) ?? what;
        if (started !== 0) this.begins(seq, what);
        result = handle(serving, handler, args, words[at + 4]);
      }
      this.answerWith(seq, result, what, started);
    } catch (thrown) {
      this.answerThrown(seq, thrown, what, started);
    }
  }

  /**
   * Reads a request now, so that its references are counted in their order, and serves it when the flow lets it. As `answer` does, which makes no
   * closure: that one is on the path of every call.
   */
  private enter(arena: Arena, at: number, seq: number): void {
    const { reader, serving, flow } = this;
    const { words } = arena;
    const handler = words[at + 3];
    const id = words[at + 4];
    let what = H.HANDLER_NAMES[handler] ?? 'request';
    let act: () => unknown;
    try {
      if (handler === H.HANDLE_CALLATTR && words[at + 5] > 0) {
        const name = nameOf(words[at + 5]);
        what = name;
        const args = reader.start(arena, words[at + 7], serving.root.face).tuple();
        const named = words[words[at + 6] + 1] > 3 ? reader.kwargs() : undefined;
        act = () => callAttribute(serving, entryOf(serving, id), name, args, named);
      } else {
        const args = reader.start(arena, words[at + 6], serving.root.face).tuple();
        if (handler === H.HANDLE_CALL) what = calleeName(serving, id) ?? what;
        act = () => handle(serving, handler, args, id);
      }
    } catch (thrown) {
      this.answerThrown(seq, thrown, what, 0);
      return;
    }
    const serve = (): void => this.serveEntered(seq, act, what);
    const { link } = this;
    if (!flow.enter(link.bound ? () => nest(link, seq, serve) : serve))
      this.replyException(seq, new exceptions.RuntimeError(flow.refusal));
  }

  private serveEntered(seq: number, act: () => unknown, what: string): void {
    const started = startClock();
    if (started !== 0) this.begins(seq, what);
    try {
      this.answerWith(seq, act(), what, started);
    } catch (thrown) {
      this.answerThrown(seq, thrown, what, started);
    }
  }

  private answerWith(seq: number, result: unknown, what: string, started: number): void {
    if (isThenable(result)) this.answerLater(seq, result, what, started);
    else {
      this.reply(seq, result);
      if (started !== 0) this.ends(seq, what, started);
    }
  }

  private begins(seq: number, what: string): void {
    publishStart(this.link.config.connid, seq, what);
  }

  private ends(seq: number, what: string, started: number): void {
    publishEnd(this.link.config.connid, seq, what, started);
  }

  private answerLater(seq: number, result: PromiseLike<unknown>, what: string, started: number): void {
    const { flow } = this;
    flow.began();
    if (isBlocked()) {
      if (this.link.options.refuseAsyncDuringSync) {
        const settled = (): void => flow.settled();
        Promise.resolve(result).then(settled, settled);
        this.replyException(seq, new exceptions.RuntimeError(`async handler '${what}' while the JS thread is blocked`));
        return;
      }
      this.deferred.add(seq, what);
    }
    Promise.resolve(result).then(
      (value) => {
        try {
          this.deferred.answered(seq);
          this.reply(seq, value);
          if (started !== 0) this.ends(seq, what, started);
        } finally {
          flow.settled();
        }
      },
      (thrown: unknown) => {
        try {
          this.deferred.answered(seq);
          this.answerThrown(seq, thrown, what, started);
        } finally {
          flow.settled();
        }
      },
    );
  }

  private answerThrown(seq: number, thrown: unknown, what: string, started: number): void {
    try {
      hideOwnFrames(thrown);
      report(this.link, thrown, what);
    } catch {
      // What was thrown cannot even be shown, or the logger failed: the peer still waits for its answer.
    }
    this.replyException(seq, thrown);
    if (started !== 0) publishError(this.link.config.connid, seq, what, started, thrown);
  }

  private reply(seq: number, value: unknown): void {
    this.served++;
    if (!this.canAnswer()) return;
    this.outbox.reply(seq, value);
    if (this.outbox.unseen) this.look();
  }

  private replyException(seq: number, thrown: unknown): void {
    this.failed++;
    if (!this.canAnswer()) return;
    this.outbox.exception(seq, thrown);
    if (this.outbox.unseen) this.look();
  }

  /** A peer that does not read its answers is served no more until it does. */
  private look(): void {
    if (this.outbox.look()) this.flow.choke();
  }

  /** Is there somebody, and room for another answer? Handlers that ran already answer all the same: their peer is cut in the end. */
  private canAnswer(): boolean {
    const { link, outbox } = this;
    if (link.ended) return false;
    if (!outbox.full) return true;
    outbox.look();
    if (!outbox.full) return true;
    link.fail(
      new BackpressureError(
        `${link.queued} bytes of answers are queued for a peer that does not read them (maxQueued is ${link.options.maxQueued}): the connection is closed`,
      ),
    );
    return false;
  }
}

/** What a called function is known as, for messages. */
function calleeName(serving: Serving, id: number): string | undefined {
  const callee = serving.exports.get(id)?.object;
  if (typeof callee !== 'function' || typeof callee.name !== 'string' || callee.name === '') return undefined;
  const { name } = callee;
  return name.startsWith('bound ') ? name.slice(6) : name;
}

/** As debug what the caller is told, as an error what reaches nobody any more. */
function report({ config, ended }: Link, thrown: unknown, what: string): void {
  const { logger, connid, log_exceptions, exposed_prefix } = config;
  if (logger === null || !log_exceptions) return;
  if (ended) logger.error(`${connid}: ${what} failed, and its caller is gone:`, thrown);
  else if (thrown instanceof exceptions.AttributeError) {
    const hint = accessHint(thrown.message, true, exposed_prefix);
    logger.debug(`${connid}: ${what}: ${String(thrown)}${hint === undefined ? '' : ` (${hint})`}`);
  } else if (thrown instanceof exceptions.StopIteration) logger.debug(`${connid}: ${what}: ${String(thrown)}`);
  else logger.debug(`${connid}: ${what} failed:`, thrown);
}
