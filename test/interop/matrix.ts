// The matrix: every row of the mapping in every cell, a cell being {peer} x {who is the client} x {face of the Node side}.
// A row is written once. Either Python looks at what Node has (`seen`: sections A3, C1, D), or Node looks at what Python
// has (`used`: sections B, C2). RPyC is symmetric, so both kinds run in both directions: with Node as the client, Python's
// service looks at the client's own root; with Python as the client, it lends its objects to a method of Node's service.
// On the side of Node, 'blocking' means blocking references and handlers that answer at once, 'awaitable' awaitable
// references and handlers that answer with promises. Owns the connections of a cell and the printed table.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type PythonPeer, type RpycVersion, startPython } from '../support/python.ts';
import { connect, type FaceName, rootOf, run, type Steps } from './faces.ts';

/** A Python peer under test. */
export interface Peer {
  readonly name: string;
  readonly version: RpycVersion;
  readonly env: Record<string, string>;
}

export const PEERS: readonly Peer[] = [
  { name: '4.1.5', version: '4.1.5', env: {} },
  { name: '5.3.1', version: '5.3.1', env: {} },
  { name: '6.0.1', version: '6.0.1', env: {} },
  { name: '6.0.1 bound', version: '6.0.1', env: { RPYC_BIND_THREADS: 'true' } },
];

export const DIRECTIONS = ['Python client, Node service', 'Node client, Python service'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export interface Cell {
  readonly peer: Peer;
  readonly version: RpycVersion;
  readonly direction: Direction;
  readonly face: FaceName;
}

/** Why a row has no meaning in a cell, or real RPyC itself cannot pass it; undefined where it must pass. */
export type NotApplicable = (cell: Cell) => string | undefined;

interface Named {
  /** `section.row`, unique. */
  readonly id: string;
  readonly title: string;
  readonly notApplicable?: NotApplicable;
}

/** What a row's object is made from. */
export interface Makings extends Cell {
  /** Objects of the Python peer, of another connection of ours. */
  readonly theirs: { readonly list: any; readonly point: any; readonly add: any };
}

/** Python looks at an object or a service of Node. */
export interface SeenRow extends Named {
  /** The object; `it` in the Python text. */
  readonly it?: (makings: Makings) => unknown;
  /** Fills `out`. */
  readonly python: string;
  readonly expected: unknown | ((cell: Cell) => unknown);
  /** Promises settle on the way: see {@link RunningCell.see}. */
  readonly promises?: true;
  /** Our configuration, where the defaults would not do. Such rows have a connection of their own. */
  readonly config?: Record<string, unknown>;
  /** The service that Python sees, where it is not the one of the matrix. */
  readonly service?: () => rpyc.ServiceSource;
}

/** What a check of Node's works with. */
export interface User extends Cell {
  /** Python's service, in the face of the cell. */
  readonly root: any;
  readonly conn: rpyc.Connection;
}

/** Node uses an object of Python. */
export interface UsedRow extends Named {
  /** The row spoils its connection, or counts on it: it has one of its own. */
  readonly own?: true | { readonly config: Record<string, unknown> };
  readonly steps: (user: User) => Steps;
}

export type Row = SeenRow | UsedRow;

const isUsed = (row: Row): row is UsedRow => 'steps' in row;

/** Lets the event loop run once. */
const aTick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A cell with its connections: one for all rows, and one for each row that has a configuration or service of its own. */
export class RunningCell {
  private readonly connections = new Map<string, rpyc.Connection>();
  private readonly servers = new Map<string, rpyc.Server>();
  /** Rows that Node has run as a server. */
  private readonly done = new Map<string, { failure?: unknown }>();
  private upstream!: rpyc.Connection;
  private theirs!: Makings['theirs'];
  private readonly cell: Cell;
  private readonly python: PythonPeer;
  private readonly rows: ReadonlyMap<string, Row>;

  constructor(cell: Cell, python: PythonPeer, rows: readonly Row[]) {
    this.cell = cell;
    this.python = python;
    this.rows = new Map(rows.map((row) => [row.id, row]));
  }

  async start(): Promise<void> {
    this.upstream = await connect(this.cell.face, this.python.ready.port);
    const { root } = this.upstream;
    const inFace = (ref: any) => (this.cell.face === 'blocking' ? rpyc.sync(ref) : ref);
    this.theirs = {
      list: inFace(await root.make_list(4)),
      point: inFace(await root.make_point(1, 2)),
      add: inFace(await rpyc.getattr(root, 'add')),
    };
  }

  async stop(): Promise<void> {
    for (const key of this.servers.keys()) await this.command('disconnect', key);
    for (const server of this.servers.values()) await server.close();
    for (const conn of this.connections.values()) await conn.close();
    await this.upstream.close();
  }

  async check(row: Row): Promise<void> {
    if (isUsed(row)) return await this.use(row);
    const found = await this.see(row);
    const expected = typeof row.expected === 'function' ? row.expected(this.cell) : row.expected;
    expect(JSON.parse(found), found).toEqual(expected);
  }

  private get nodeIsClient(): boolean {
    return this.cell.direction === 'Node client, Python service';
  }

  /**
   * While Node waits in a blocking call, no promise of its thread settles (mapping B, sync wait). In the blocking cell of a Node
   * client, a row that needs promises is therefore handed over by a blocking call, and looked at when that call is over.
   */
  private async see(row: SeenRow): Promise<string> {
    const { face } = this.cell;
    const own = row.config !== undefined || row.service !== undefined;
    const key = own ? row.id : '';
    const service = row.service ?? (() => this.service());
    const subject = row.it === undefined ? '' : row.id;
    if (!this.nodeIsClient) {
      await this.serve(key, service, row.config);
      return await this.command('run', key, subject, row.python);
    }
    const conn = await this.dial(key, service, row.config);
    if (row.promises && face === 'blocking') {
      if (subject !== '') conn.sync.root.hand_over(subject);
      return await conn.root.check('', row.python);
    }
    return await rootOf(face, conn).check(subject, row.python);
  }

  private async use(row: UsedRow): Promise<void> {
    const { face } = this.cell;
    const key = row.own ? row.id : '';
    const config = typeof row.own === 'object' ? row.own.config : undefined;
    if (this.nodeIsClient) {
      const conn = await this.dial(key, () => this.service(), config);
      return await run(face, row.steps({ ...this.cell, conn, root: rootOf(face, conn) }));
    }
    await this.serve(key, () => this.service(), config);
    this.done.delete(row.id);
    const ended = await this.command('lend', key, row.id).catch((error: unknown) => error);
    // The Python client may have been interrupted by what the row does: what counts is what the row saw.
    const done = this.done.get(row.id);
    if (done === undefined) throw ended;
    if (done.failure !== undefined) throw done.failure;
  }

  private async dial(key: string, service: () => rpyc.ServiceSource, config = {}): Promise<rpyc.Connection> {
    let conn = this.connections.get(key);
    if (conn === undefined || conn.closed) {
      conn = await connect(this.cell.face, this.python.ready.port, { service: service(), config });
      this.connections.set(key, conn);
    }
    return conn;
  }

  private async serve(key: string, service: () => rpyc.ServiceSource, config = {}): Promise<void> {
    if (this.servers.has(key)) return;
    const server = new rpyc.Server(service(), { logger: null, config });
    await server.start();
    this.servers.set(key, server);
    // Of Python's own policy, what a row looks at (tracebacks, versions) is at its defaults.
    await this.command('connect', key, server.port, {});
  }

  /** One command for the Python peer, as its client. */
  private async command(...words: unknown[]): Promise<any> {
    this.python.writeLine(JSON.stringify(words));
    const { value, error } = JSON.parse(await this.python.nextLine());
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** The service that Python sees: the objects of the rows, and a method that works with Python's objects. */
  private service(): rpyc.ServiceSource {
    const { cell, rows, done } = this;
    const { theirs } = this;
    const subject = (id: string) => (rows.get(id) as SeenRow).it?.({ ...cell, theirs });

    return class MatrixService extends rpyc.Service {
      static override readonly face = cell.face === 'blocking' ? 'sync' : 'async';
      private conn!: rpyc.Connection;

      override onConnect(conn: rpyc.Connection) {
        this.conn = conn;
      }
      exposed_subject(id: string): unknown {
        return cell.face === 'blocking' ? subject(id) : aTick().then(() => subject(id));
      }
      exposed_messages(): number {
        return this.conn.stats.messagesIn;
      }
      async exposed_work(id: string, root: unknown) {
        const row = rows.get(id) as UsedRow;
        await run(cell.face, row.steps({ ...cell, conn: this.conn, root })).then(
          () => done.set(id, {}),
          (failure: unknown) => done.set(id, { failure }),
        );
      }
    };
  }
}

export const startPeer = (peer: Peer): Promise<PythonPeer> =>
  startPython(peer.version, new URL('./rows/matrix_peer.py', import.meta.url).pathname, {
    env: peer.env,
    timeoutMs: 240_000,
  });

export const CELLS: readonly Cell[] = PEERS.flatMap((peer) =>
  DIRECTIONS.flatMap((direction) =>
    (['blocking', 'awaiting'] as const).map((face) => ({ peer, version: peer.version, direction, face })),
  ),
);

export const nameOf = ({ peer, direction, face }: Cell): string =>
  `${peer.name}, ${direction}, ${face === 'blocking' ? 'blocking' : 'awaitable'}`;

/** What became of each row in each cell. */
export class Outcomes {
  private readonly found = new Map<string, string>();

  set(row: Row, cell: Cell, outcome: string): void {
    this.found.set(`${row.id} ${nameOf(cell)}`, outcome);
  }

  get(row: Row, cell: Cell): string | undefined {
    return this.found.get(`${row.id} ${nameOf(cell)}`);
  }

  /** Rows x cells: `+` passed, a digit refers to the reason below, `X` failed, `?` absent. */
  table(rows: readonly Row[]): string {
    const width = Math.max(...rows.map((row) => row.id.length));
    const reasons: string[] = [];
    const mark = (row: Row, cell: Cell): string => {
      const outcome = this.get(row, cell);
      if (outcome === undefined) return '?';
      if (outcome === 'pass') return '+';
      if (outcome === 'fail') return 'X';
      if (!reasons.includes(outcome)) reasons.push(outcome);
      return String.fromCharCode(96 + reasons.indexOf(outcome) + 1);
    };
    const lines = rows.map((row) => {
      const marks = PEERS.map((peer) =>
        CELLS.filter((cell) => cell.peer === peer)
          .map((cell) => mark(row, cell))
          .join(''),
      );
      return `${row.id.padEnd(width)}  ${marks.map((text) => text.padEnd(11)).join('  ')}  ${row.title}`;
    });
    const found = [...this.found.values()];
    const passed = found.filter((outcome) => outcome === 'pass').length;
    const failed = found.filter((outcome) => outcome === 'fail').length;
    const cells = rows.length * CELLS.length;
    return [
      `${rows.length} rows x ${CELLS.length} cells: ${passed} passed, ${failed} failed, ${found.length - passed - failed} not applicable, ${cells - found.length} absent`,
      'the four marks of a peer: Python client of Node (blocking, awaitable), Node client of Python (blocking, awaitable)',
      `${''.padEnd(width)}  ${PEERS.map((peer) => peer.name.padEnd(11)).join('  ')}`,
      ...lines,
      ...reasons.map((reason, i) => `${String.fromCharCode(97 + i)} = n/a: ${reason}`),
    ].join('\n');
  }
}
