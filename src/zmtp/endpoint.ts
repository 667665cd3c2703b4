// Endpoints as ZeroMQ writes them: tcp://host:port and ipc:///path. For binding, `*` stands for all IPv4 addresses and for any port.
import { badEndpoint } from './errors.ts';

export type Place = { host: string; port: number } | { path: string };

/** Reads an endpoint; `binding`: `*` and port 0 are allowed. @throws {ZmqError} ERR_ZMTP_ENDPOINT */
export function readEndpoint(endpoint: string, binding: boolean): Place {
  if (endpoint.startsWith('ipc://')) {
    const path = endpoint.slice('ipc://'.length);
    if (path === '' || path.includes('\0')) throw badEndpoint(endpoint, 'it has no path');
    if (path.startsWith('@')) throw badEndpoint(endpoint, 'abstract socket names are not supported');
    return { path };
  }
  const found = /^tcp:\/\/(\[[^\]]+\]|[^:/;[\]]+):(\d{1,5}|\*)$/.exec(endpoint);
  if (!found) throw badEndpoint(endpoint, 'it is neither tcp://host:port nor ipc:///path');
  const [, host = '', digits = ''] = found;
  const port = digits === '*' ? 0 : Number(digits);
  if (port > 65535) throw badEndpoint(endpoint, `port ${port} is above 65535`);
  if (!binding && (port === 0 || host === '*'))
    throw badEndpoint(endpoint, 'only for binding may host or port be open');
  if (host === '*') return { host: '0.0.0.0', port };
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port };
}

/** The endpoint of a place. */
export function writeEndpoint(place: Place): string {
  if ('path' in place) return `ipc://${place.path}`;
  return `tcp://${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`;
}
