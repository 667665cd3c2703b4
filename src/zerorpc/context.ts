// Middleware: what is called around calls, and what travels with them in the header. Answers to context.py.
/** An event as middleware sees it; of what we send, the header has what middleware put there. */
export interface TracedEvent {
  /** What travels with it. */
  readonly header: Readonly<Record<string, unknown>>;
  /** Of a method, or `OK`, `ERR`, `STREAM_DONE`. */
  readonly name: string;
  /** Arguments, or what is answered. */
  readonly args: unknown;
}

/** Hooks, each optional, of the names that zerorpc's have in JavaScript's spelling. What they throw fails the call. */
export interface Middleware {
  /** Where to connect or bind instead. */
  resolveEndpoint?(endpoint: string): string;
  /**
   * An event came for a method: its header may carry what `getTaskContext` put there at the other side. An AsyncLocalStorage that is entered
   * here (`enterWith`) holds for the method, and for the calls that it makes.
   */
  loadTaskContext?(header: Readonly<Record<string, unknown>>): void;
  /** Keys for the header of what is sent: of a call, and of what answers one. */
  getTaskContext?(): Record<string, unknown>;
  /** A method is about to run. */
  serverBeforeExec?(request: TracedEvent): void;
  /** It has run; its answer, of a stream the end of it, is about to be sent. No `reply` where there is no answer: pushed and published events. */
  serverAfterExec?(request: TracedEvent, reply: TracedEvent | undefined): void;
  /** It has failed, and `reply` says so, if anybody is told. */
  serverInspectException?(
    request: TracedEvent,
    reply: TracedEvent | undefined,
    context: Record<string, unknown>,
    error: unknown,
  ): void;
  /** Makes another error than RemoteError of an ERR. */
  clientHandleRemoteError?(event: TracedEvent): Error | undefined;
  /** A call is about to be sent. */
  clientBeforeRequest?(request: TracedEvent): void;
  /** It has its answer, of a stream the end of it, or has failed. */
  clientAfterRequest?(request: TracedEvent, reply: TracedEvent | undefined, error: unknown): void;
}

/** The middleware of the ends that are made with it. Answers to `zerorpc.Context`. */
export class Context {
  readonly #middleware: Middleware[] = [];

  /** Adds middleware; returns this. Answers to `register_middleware`. */
  register(middleware: Middleware): this {
    this.#middleware.push(middleware);
    return this;
  }

  /** @internal */
  resolveEndpoint(endpoint: string): string {
    return this.#middleware.reduce((at, each) => each.resolveEndpoint?.(at) ?? at, endpoint);
  }

  /** @internal */
  load(header: Readonly<Record<string, unknown>>): void {
    for (const each of this.#middleware) each.loadTaskContext?.(header);
  }

  /** @internal */
  taskContext(): Record<string, unknown> {
    return Object.assign({}, ...this.#middleware.map((each) => each.getTaskContext?.()));
  }

  /** @internal */
  beforeExec(request: TracedEvent): void {
    for (const each of this.#middleware) each.serverBeforeExec?.(request);
  }

  /** @internal */
  afterExec(request: TracedEvent, reply: TracedEvent | undefined): void {
    for (const each of this.#middleware) each.serverAfterExec?.(request, reply);
  }

  /** @internal */
  inspectException(request: TracedEvent, reply: TracedEvent | undefined, error: unknown): void {
    const context = this.taskContext();
    for (const each of this.#middleware) each.serverInspectException?.(request, reply, context, error);
  }

  /** @internal */
  remoteError(event: TracedEvent): Error | undefined {
    let error: Error | undefined;
    for (const each of this.#middleware) error = each.clientHandleRemoteError?.(event) ?? error;
    return error;
  }

  /** @internal */
  beforeRequest(request: TracedEvent): void {
    for (const each of this.#middleware) each.clientBeforeRequest?.(request);
  }

  /** @internal */
  afterRequest(request: TracedEvent, reply: TracedEvent | undefined, error: unknown): void {
    for (const each of this.#middleware) each.clientAfterRequest?.(request, reply, error);
  }
}
