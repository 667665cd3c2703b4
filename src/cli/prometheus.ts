// A server's metrics as Prometheus reads them: text format 0.0.4, over HTTP. A fixed number of lines, whoever connects.

import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { ServerMetrics } from '../server/metrics.ts';
import type { PoolMetrics, WorkerMetrics } from '../server/pool/pool.ts';
import { version } from './version.ts';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Scrapers at a time. */
const MAX_SCRAPERS = 16;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One metric: HELP, TYPE, samples. */
function metric(type: 'counter' | 'gauge', name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${numberText(value)}`);
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');
/** Prometheus spells the infinities its own way. */
const numberText = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);

const one = (value: number): readonly Sample[] => [[{}, value]];

/** The page that a scraper gets. */
export function prometheusText(metrics: ServerMetrics | PoolMetrics): string {
  const { connections, requests } = metrics;
  const cut = Object.entries(connections.cut).map(([reason, count]): Sample => [{ reason }, count]);
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    metric('gauge', 'rpyc_connections_open', 'Connections being served.', one(connections.open)),
    metric('counter', 'rpyc_connections_accepted_total', 'Connections served so far.', one(connections.accepted)),
    metric(
      'counter',
      'rpyc_connections_refused_total',
      'Connections closed at once: more than the server takes.',
      one(connections.refused),
    ),
    metric(
      'counter',
      'rpyc_connections_denied_total',
      'Connections that the authenticator did not let in.',
      one(connections.denied),
    ),
    metric('counter', 'rpyc_connections_cut_total', 'Connections ended by the server, by reason.', cut),
    metric('counter', 'rpyc_accept_failures_total', 'Times that accepting failed.', one(metrics.acceptFailures)),
    metric('counter', 'rpyc_requests_served_total', 'Requests answered with a value.', one(requests.served)),
    metric('counter', 'rpyc_requests_failed_total', 'Requests answered with an exception.', one(requests.failed)),
    metric(
      'gauge',
      'rpyc_requests_in_flight',
      'Requests whose handlers have not answered yet.',
      one(requests.inFlight),
    ),
    metric('gauge', 'rpyc_requests_waiting', 'Requests that wait for their turn.', one(requests.waiting)),
    metric('counter', 'rpyc_received_bytes_total', 'Bytes received.', one(metrics.bytesIn)),
    metric('counter', 'rpyc_sent_bytes_total', 'Bytes sent.', one(metrics.bytesOut)),
    metric('gauge', 'rpyc_references', 'Objects of the server that clients hold.', one(metrics.references)),
    metric('gauge', 'rpyc_uptime_seconds', 'Seconds since the server was made.', one(metrics.uptime)),
    metric('gauge', 'rpyc_info', 'The version of rpyc, as a label.', [[{ version: version() }, 1]]),
    metric('gauge', 'process_resident_memory_bytes', 'Resident memory.', one(rss)),
    metric('counter', 'process_cpu_seconds_total', 'User and system CPU time.', one((user + system) / 1e6)),
    ...('workers' in metrics ? workerMetrics(metrics.workers) : []),
  ].join('');
}

/** A sample for each worker, of which there are as many as were asked for. */
function workerMetrics(workers: PoolMetrics['workers']): string[] {
  const each = (value: (worker: WorkerMetrics) => number): Sample[] =>
    workers.map((worker, index) => [{ worker: String(index) }, value(worker)]);
  return [
    metric(
      'gauge',
      'rpyc_worker_connections_open',
      'Connections of a worker.',
      each((worker) => worker.connections.open),
    ),
    metric(
      'counter',
      'rpyc_worker_restarts_total',
      'Workers that had its place before.',
      each((worker) => worker.restarts),
    ),
  ];
}

/** Serves the page at /metrics. @throws a system error, EADDRINUSE for a taken port */
export async function serveMetrics(
  host: string,
  port: number,
  read: () => ServerMetrics | PoolMetrics,
): Promise<{ readonly port: number; close(): void }> {
  const http = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      // What a scraper may send with it is not read.
      response.setHeader('connection', 'close');
      const path = (request.url ?? '').split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end();
      } else if (path !== '/metrics') {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('the metrics are at /metrics\n');
      } else {
        const text = prometheusText(read());
        response.writeHead(200, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(text) });
        response.end(request.method === 'HEAD' ? undefined : text);
      }
    },
  );
  http.maxConnections = MAX_SCRAPERS;
  http.listen(port, host);
  await once(http, 'listening');
  return { port: portOf(http), close: () => http.close() };
}

function portOf(http: HttpServer): number {
  const address = http.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
