// Node servers in the test process for Python clients: started, remembered, and stopped with the test.
import { onTestFinished } from 'vitest';
import * as rpyc from '../../src/index.ts';

export interface Logged {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  details: unknown[];
}

export interface TestServer {
  server: rpyc.Server;
  port: number;
  /** What the server's logger received. */
  logged: Logged[];
}

/** Starts a server on a free port of 127.0.0.1; it ends with the test. `config` is its protocol configuration. */
export async function serve(
  service: rpyc.ServiceSource,
  config: rpyc.ConnectionOptions['config'] = {},
  options: rpyc.ServerOptions = {},
): Promise<TestServer> {
  const logged: Logged[] = [];
  const log =
    (level: Logged['level']) =>
    (message: string, ...details: unknown[]) =>
      void logged.push({ level, message, details });
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const server = new rpyc.Server(service, { logger, ...options, config });
  await server.start();
  onTestFinished(() => server.close());
  return { server, port: server.port, logged };
}
