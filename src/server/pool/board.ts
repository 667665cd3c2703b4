// Memory that a thread of a pool shares with the others: signs of life, and figures. Each word has one writer.
import type { ServerMetrics } from '../metrics.ts';

/** Words of a board. */
export const Word = {
  /** Raised as long as the thread lives: by its event loop, and by each slice of a blocking wait. (`beatAt` takes the first word.) */
  BEAT: 0,
  /** Raised after each offer that the thread has looked at. */
  TURN: 1,
  /** Connections that were handed over and are over. */
  ENDED: 2,
  /** Log lines that have arrived. Written by the thread that started this one. */
  LOGGED: 3,
} as const;

export interface Board {
  readonly words: Int32Array;
  /** In the order of `FIGURES`. */
  readonly figures: Float64Array;
}

/** Figures that are sums since the beginning. */
const SUMS = [
  'accepted',
  'refused',
  'denied',
  'handshake',
  'frame',
  'send',
  'idle',
  'backpressure',
  'protocol',
  'drain',
  'served',
  'failed',
  'bytesIn',
  'bytesOut',
  'acceptFailures',
] as const;
/** Figures of now. */
const NOW = ['open', 'inFlight', 'waiting', 'references'] as const;
const FIGURES = [...SUMS, ...NOW];
type Figure = (typeof SUMS | typeof NOW)[number];

export const newFigures = (): Float64Array => new Float64Array(FIGURES.length);

export const newBoard = (): Board => ({
  words: new Int32Array(new SharedArrayBuffer(4 * Object.keys(Word).length)),
  figures: new Float64Array(new SharedArrayBuffer(8 * FIGURES.length)),
});

export function setFigure(figures: Float64Array, name: Figure, value: number): void {
  figures[FIGURES.indexOf(name)] = value;
}

export const figure = (figures: Float64Array, name: Figure): number => figures[FIGURES.indexOf(name)];

/** Adds up; `over`: the thread is gone, what it had open is, too. */
export function addFigures(sum: Float64Array, figures: Float64Array, over = false): void {
  const count = over ? SUMS.length : FIGURES.length;
  for (let at = 0; at < count; at++) sum[at] += figures[at];
}

export function putMetrics(figures: Float64Array, { connections, requests, ...rest }: ServerMetrics): void {
  const { cut } = connections;
  const values: Record<Figure, number> = { ...connections, ...cut, ...requests, ...rest };
  for (const [at, name] of FIGURES.entries()) figures[at] = values[name];
}

export function metricsOf(figures: Float64Array, uptime: number): ServerMetrics {
  const of = (name: Figure): number => figure(figures, name);
  return {
    connections: {
      open: of('open'),
      accepted: of('accepted'),
      refused: of('refused'),
      denied: of('denied'),
      cut: {
        handshake: of('handshake'),
        frame: of('frame'),
        send: of('send'),
        idle: of('idle'),
        backpressure: of('backpressure'),
        protocol: of('protocol'),
        drain: of('drain'),
      },
    },
    requests: {
      served: of('served'),
      failed: of('failed'),
      inFlight: of('inFlight'),
      waiting: of('waiting'),
    },
    bytesIn: of('bytesIn'),
    bytesOut: of('bytesOut'),
    references: of('references'),
    acceptFailures: of('acceptFailures'),
    uptime,
  };
}
