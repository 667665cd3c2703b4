// The export table of crates/addon, by hand and in the same order. Owns no behaviour.
// Integers cross this seam, objects do not: `handle` is a socket or push endpoint of this thread, `rid` an id_pack of the
// peer in that connection's table, `name` an interned string. crates/DESIGN.md describes tape, records and arenas.

/** Result of `wait`, `next` and of the BATCH event: >= 0 is a number of records in arena `ctl[DEPTH]`, below 0 one of `Status`. */
export type BatchCode = number;

export const Status = {
  /** The peer closed; every complete message before that was delivered. */
  EOF: -1,
  /** A system call failed: `ctl[DETAIL]` is the errno. */
  ERRNO: -2,
  /** One message too large for an arena waits for `takeBig`. */
  BIG: -3,
  /** The peer broke the wire: `lastError(handle)` says how. The connection can only be closed. */
  PROTOCOL: -4,
  /** A signal that has a listener ended the wait: `ctl[DETAIL]` is its number. */
  INTERRUPTED: -5,
  /** `connectWait` and `rawWait` only: the time is over. */
  TIMEOUT: -6,
  /** TLS failed: `lastError(handle)` says how, in the form that native/tls.ts reads. */
  TLS: -7,
} as const;

/** Events from the loop: `(handle, event, arg)`. */
export const LoopEvent = {
  /** arg: BatchCode. */
  BATCH: 0,
  /** A non-blocking connect ended; arg: 0 or an errno. */
  CONNECTED: 1,
  /** A listener accepted; arg: the descriptor, now owned by the receiver (`open` or `closeFd` it), or -errno. */
  ACCEPTED: 2,
  /** The write queue fell below half the high-water mark after it had been above it; arg: bytes queued. */
  DRAINED: 3,
  /** What `rawAwait` asked for; arg: the events. */
  READY: 4,
  /** From here on `handle` is a ZeroMQ socket (`zmqSocket`), `arg` one of its peers. Messages wait for `zmqReceive`. */
  ZMQ_MESSAGES: 5,
  /** A peer has room again, or is gone: what `zmqSend` did not take it may take now. */
  ZMQ_SENDABLE: 6,
  /** A peer shook hands. */
  ZMQ_PEER: 7,
  /** A peer's connection is over, its handle closed; `zmqReason` says why. Unless it was attached, the peer is gone with it. */
  ZMQ_LOST: 8,
} as const;

/** Words of the control block shared with Rust. */
export const Ctl = {
  /** Index of the arena that the next batch fills. Written by JS. */
  DEPTH: 0,
  /** Words, floats, bytes and messages on the transmit tape. Written by JS, zeroed by Rust when it has encoded them. */
  TX_WORDS: 1,
  TX_FLOATS: 2,
  TX_BYTES: 3,
  /** Second result of a call; see Status. */
  DETAIL: 4,
  /** 1 while Rust calls JS from the loop: it flushes the transmit tape itself afterwards (microtasks included). Written by Rust. */
  IN_LOOP: 5,
  /** 1 when a garbage collection happened since JS last cleared it: netref holders may have died. Written by both. */
  GC: 6,
  /** 1 when a push endpoint has output to take. Written by Rust, cleared by JS. */
  PUSH_OUTPUT: 7,
  /** 1 when a signal listener came or went: the next wait looks at the signals' handlers anew. Written by JS, cleared by Rust. */
  SIGNALS: 8,
  LENGTH: 16,
} as const;

/** What `open` needs; all numbers so that nothing but integers crosses. */
export interface OpenOptions {
  /** Largest frame accepted and sent, bytes. */
  maxFrame: number;
  /** Largest inflated payload, bytes. */
  maxInflated: number;
  /** Deepest nesting accepted. */
  maxDepth: number;
  /** 0 never, 1 payloads over 3000 bytes, 2 the same but skipped where a probe does not shrink. */
  compress: number;
  /** 0 follow the peer, 5 or 6. Until known, nothing can be sent (messages are kept). */
  variant: number;
  /** bind_threads prefix: 0 never, 1 always, 2 follow the peer. */
  bound: number;
  /** Bytes queued for writing above which reading from this peer pauses (loop only). */
  highWater: number;
}

export interface Addon {
  /** Once per thread (Node-API environment). `ctl` has Ctl.LENGTH words. */
  init(ctl: Int32Array, onEvent: (handle: number, event: number, arg: number) => void): void;
  /** Adds the arena with the next index. `words` starts with room for records: a batch holds at most words.length/32 of them. */
  addArena(words: Int32Array, floats: Float64Array, bytes: Uint8Array): void;
  /** Sets (or replaces, when it grew) the transmit tape. */
  setTransmit(words: Int32Array, floats: Float64Array, bytes: Uint8Array): void;
  /** Interns a string; 0 when the table is full or the string is over 255 bytes of UTF-8. */
  intern(name: string): number;
  /** The interned string. */
  name(id: number): string;

  /** Starts a non-blocking connect to a numeric address; CONNECTED follows once `watch` was called. Throws a system error with `code`. */
  connectTcp(address: string, port: number): number;
  connectUnix(path: string): number;
  /** Blocks until a started connect ends, `timeoutMs` at most (-1 forever): 0, Status.TIMEOUT, Status.ERRNO or Status.INTERRUPTED. */
  connectWait(handle: number, timeoutMs: number): number;
  /** Blocking name resolution (getaddrinfo): numeric addresses in the resolver's order. */
  resolve(host: string): string[];
  /** port 0 = any; `flags` 1 = reuse address, 2 = reuse port, 4 = IPv6 only. ACCEPTED events follow. */
  listenTcp(address: string, port: number, backlog: number, flags: number): number;
  listenUnix(path: string, backlog: number): number;
  /** Takes over an open, connected stream socket descriptor. On failure it is closed: ENOTCONN for a peer that is gone again. */
  adopt(fd: number): number;
  /**
   * Takes over a descriptor to read from and one to write to (pipes, terminals, sockets; two of one socket are that socket). Both are closed
   * on failure: ENOTSUP for a regular file.
   */
  adoptPipes(input: number, output: number): number;
  /** Takes over a listening stream socket; ACCEPTED events follow. It stays open on failure: ENOTSOCK, EINVAL where it does not listen. */
  adoptListener(fd: number): number;
  /** TCP keepalive, in seconds: when the kernel asks a silent peer, and how often in vain. Nothing to be done for other sockets. */
  keepAlive(handle: number, idle: number, interval: number, count: number): void;
  /** Closes a descriptor that was accepted and not adopted. */
  closeFd(fd: number): void;
  /** `[address, port]` of one end, or `[path, 0]` for a Unix socket. */
  localAddress(handle: number): [string, number];
  peerAddress(handle: number): [string, number];
  /** Is the peer of this socket a listener of this same thread? (A blocking call to it could never be answered.) */
  isOwnListener(handle: number): boolean;
  /** Is the peer of this socket a listener bound to that address? Port 0: to that path. */
  reaches(handle: number, address: string, port: number): boolean;

  /** Standard input and output under other numbers; from now on 0 is empty, and 1 is standard error, or nothing: where that is wanted, or that is the connection too. */
  takeStdio(dropPrints: boolean): [input: number, output: number];
  /** Two connected Unix sockets, close-on-exec; they block until they are adopted. */
  socketPair(): [number, number];
  /** How a child ended: its status, or minus its signal; null: it runs after `timeoutMs` (1 s at most), or Node knows already. */
  exitOf(pid: number, timeoutMs: number): number | null;
  /** Has a thread read a pipe to its end, and keep the last 4 KB; `forward`: to our standard error as well. */
  tail(fd: number, forward: boolean): number;
  /** What a tail has kept, once, waiting for the pipe's end for at most `timeoutMs` (1 s at most). */
  tailText(tail: number, timeoutMs: number): string;

  /**
   * A TLS context from PEM texts, empty for none. Bits of `role`: 1 server, 2 verify the peer's certificate where it has one, 4 demand one,
   * 8 trust what is in `ca` even if it is no root. Throws ERR_RPYC_TLS_CONFIG for what OpenSSL does not take.
   */
  tlsContext(
    role: number,
    cert: string,
    key: string,
    passphrase: string,
    ca: string,
    ciphers: string,
    suites: string,
    minVersion: number,
  ): number;
  /** Gives a context up; sessions made from it go on. */
  tlsRelease(context: number): void;
  /** A connected socket speaks TLS from here on. `serverName` is asked for (SNI), `name` must be the certificate's; empty for none. */
  tlsStart(handle: number, context: number, serverName: string, name: string): void;
  /** Goes on with the handshake: 0 when it is over, else the events that it waits for (`rawAwait`, `rawWait`). Throws ERR_RPYC_TLS. */
  tlsHandshake(handle: number): number;
  /** The peer's certificate, DER. Before `open` only, as all of these. */
  tlsPeer(handle: number): Uint8Array | null;
  /** Version and cipher in OpenSSL's words; null without TLS. */
  tlsTerms(handle: number): [string, string] | null;
  /** Reads what is there, as far as it fits: bytes read, 0 for nothing now, Status.EOF. */
  rawRead(handle: number, bytes: Uint8Array): number;
  /** Writes what the kernel takes: bytes written. */
  rawWrite(handle: number, bytes: Uint8Array): number;
  /** READY follows once, when the socket is readable (1), writable (2) or broken. */
  rawAwait(handle: number, events: number): void;
  /** The same, blocking: 0, Status.TIMEOUT or Status.INTERRUPTED. */
  rawWait(handle: number, events: number, timeoutMs: number): number;

  /** Gives a connected socket its codec. Reading from the loop starts with `watch`. */
  open(
    handle: number,
    maxFrame: number,
    maxInflated: number,
    maxDepth: number,
    compress: number,
    variant: number,
    bound: number,
    highWater: number,
  ): void;
  /** An endpoint without a descriptor: bytes come by `feed`, go by `takeOutput`. */
  openPush(
    maxFrame: number,
    maxInflated: number,
    maxDepth: number,
    compress: number,
    variant: number,
    bound: number,
    highWater: number,
  ): number;
  /**
   * Push endpoints: what is fed is one direction of a conversation between two others. Objects that come back to their owner are told by rid
   * (REF instead of LOCAL), counted like those that arrive; records have no `obj` and no `name`.
   */
  observe(handle: number): void;
  /** Loop events on (true) or off (false: nothing is read except by `wait`; that the peer is gone is told as Status.EOF all the same). */
  watch(handle: number, on: boolean): void;
  /** Does this handle keep the process alive? Default true. */
  ref(handle: number, on: boolean): void;
  /** What the peer speaks: 0 unknown, 5, 6; + 256 when with thread ids. */
  variant(handle: number): number;
  /** Sets what we speak (used when nothing was received yet, and we must talk first). */
  setVariant(handle: number, variant: number, bound: number): void;
  /** Closes the descriptor (queued bytes get one last non-blocking write). The handle is dead afterwards. */
  close(handle: number): void;
  /** Half-closes for writing once the queue is empty. */
  shutdown(handle: number): void;
  /** `[bytes in, bytes out, messages in, messages out, bytes queued, live rids, bytes received and not decoded]`, as many as `out` takes. */
  stats(handle: number, out: Float64Array): void;
  /** Text of the last Status.PROTOCOL or Status.TLS of this handle. */
  lastError(handle: number): string;

  /** Encodes the transmit tape and writes. `blobs` only when the tape has BLOB words. */
  flush(blobs?: ArrayBufferView[]): void;
  /** Flushes, then blocks until messages of this connection arrive or `timeoutMs` passed (0 records; JS loops, slices are <= 50 ms). */
  wait(handle: number, timeoutMs: number, blobs?: ArrayBufferView[]): BatchCode;
  /** Next batch from bytes already received; 0 when there is none. */
  next(handle: number): BatchCode;
  /** Push endpoints: adds received bytes (copied). */
  feed(handle: number, bytes: Uint8Array): void;
  /** Push endpoints: the peer ended. */
  feedEnd(handle: number): void;
  /** Push endpoints: queued output, or null. */
  takeOutput(handle: number): Uint8Array | null;
  /** The message announced by Status.BIG, as an arena of its own with one record; its bytes belong to JS from here on. */
  takeBig(handle: number): [Int32Array, Float64Array, Uint8Array];

  /** Sends a datagram, and blocks until one comes from that port: its bytes, or null with `ctl[DETAIL]` the signal that ended it (0: timed out). */
  askDatagram(
    address: string,
    port: number,
    broadcast: boolean,
    message: Uint8Array,
    timeoutMs: number,
  ): Uint8Array | null;
  /** Writes to a connected socket without a codec, and blocks until its peer ends: what came, or null as above. */
  askStream(handle: number, message: Uint8Array, timeoutMs: number): Uint8Array | null;
  /** Brine of the value at word `start` of the transmit tape, whose other numbers say how far it is filled. */
  dumpBrine(start: number, words: number, floats: number, bytes: number, blobs?: ArrayBufferView[]): Uint8Array;
  /** `[words, floats]` of the value that `bytes` (at most 64 KiB) begin with; null where they end inside it. Throws for what is no brine. */
  loadBrine(bytes: Uint8Array): [Int32Array, Float64Array] | null;

  /** `[name_pack, class_id as decimal text]` of a class index, asked once per class. */
  classInfo(handle: number, cls: number): [string, string];
  /** Decimal text of `[class_id, instance_id]` of a rid, for messages and `same`. */
  idPack(handle: number, rid: number): [string, string];
  /** Weakly remembers the holder object of a rid. */
  setHolder(handle: number, rid: number, holder: object): void;
  /** The holder, if it is still alive. */
  holder(handle: number, rid: number): object | undefined;
  /** Looks at up to `limit` rids from `start` on and writes those whose holder died to `out`: number found; `ctl[DETAIL]` = next start, 0 at the end. */
  sweep(handle: number, start: number, limit: number, out: Int32Array): number;

  /**
   * A ZeroMQ socket of that type, by a handle of its own kind. `messages` and `bytes`: high-water marks per peer and direction; times in ms,
   * 0 for no heartbeats. Listening and connecting are ours; `zmqOpen` takes what came of it.
   */
  zmqSocket(
    type: string,
    identity: Uint8Array,
    maxMessage: number,
    messages: number,
    bytes: number,
    heartbeat: number,
    heartbeatTimeout: number,
    handshakeTimeout: number,
  ): number;
  /** A peer that we will connect to: messages can wait for it. */
  zmqAttach(node: number): number;
  /** A connected socket is that peer's from here on, -1: a new peer's. Returns the peer. */
  zmqOpen(node: number, handle: number, peer: number): number;
  /** Gives a peer up, with its connection and what waits for it. */
  zmqDetach(node: number, peer: number): void;
  /** Closes the socket and its connections (queued bytes get one last non-blocking write). */
  zmqClose(node: number): void;
  /**
   * Sends `count` messages, each `[number of parts, length of each]` in `words` and its parts in `bytes`: how many were taken; the next would
   * block. Where it throws for the next, `ctl[DETAIL]` is that number.
   */
  zmqSend(node: number, words: Int32Array, bytes: Uint8Array, count: number): number;
  /** Fills in received messages likewise: their number. Where it is 0, `ctl[DETAIL]` is how many bytes the next one needs, 0: there is none. */
  zmqReceive(node: number, words: Int32Array, bytes: Uint8Array): number;
  /** SUB: wants what starts with `topic`, or takes that back. */
  zmqSubscribe(node: number, topic: Uint8Array, on: boolean): void;
  /** To be called now and then: heartbeats, time limits. */
  zmqTick(node: number): void;
  /** `[peers, of these ready, messages that wait for peers, bytes on their way to the kernel, messages dropped]`, as many as `out` takes. */
  zmqStats(node: number, out: Float64Array): void;
  /** Why the last connection ended. */
  zmqReason(node: number): string;
}
