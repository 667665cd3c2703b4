// A server on a socket that it was started with: `listening-service OPTIONS_JSON`. Says where it listens, and how systemd's variables are then.
import * as rpyc from '../../../src/index.ts';
import WayService from '../peers/way-service.ts';
import { say, told } from './say.ts';

try {
  const server = await new rpyc.Server(WayService, { logger: null, ...JSON.parse(process.argv[2] ?? '{}') }).start();
  say({ ...server.address, left: Object.keys(process.env).filter((name) => name.startsWith('LISTEN_')) });
  process.stdin.resume().once('end', () => void server.drain());
} catch (error) {
  say(told(error));
}
