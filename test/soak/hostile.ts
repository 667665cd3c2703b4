// The hostile part of the soak: damaged conversations of real RPyC, connections that are reset in the middle of a frame, that never say
// anything, and that ask for much and read nothing. No library; raw sockets. `hostile PORT`.
import { connect, type Socket } from 'node:net';
import { Dice, mutate } from '../faults/mutations.ts';
import { conversations } from '../faults/replay.ts';
import { frame } from '../support/scripted-peer.ts';
import { type Counts, work } from './part.ts';

const port = Number(process.argv[2]);
const counts: Counts = { calls: 0, connections: 0 };
const dice = new Dice(Date.now());
const talks = conversations('client');

/** How long a connection may linger after our end of the stream, ms. */
const LINGER = 500;

/** Opens a connection, lets `speak` do its worst, and waits until it is over. */
function attack(speak: (socket: Socket) => void): Promise<void> {
  counts.connections++;
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {}); // reset by the server: as it should be
    socket.setTimeout(LINGER, () => socket.destroy());
    socket.once('close', () => resolve());
    socket.once('connect', () => speak(socket));
  });
}

function conversation(): Buffer[] {
  const talk = dice.pick(talks);
  const from = dice.below(talk.frames.length);
  const greeting = talk.frames.find(({ message }) => message.kind === 'request' && message.handler === 'GETROOT');
  const rest = talk.frames.slice(from, from + 1 + dice.below(12)).map(({ payload }) => payload);
  return greeting === undefined ? rest : [greeting.payload, ...rest];
}

const ATTACKS: readonly ((socket: Socket) => void)[] = [
  (socket) => {
    const said = conversation();
    const harm = dice.pick([0.1, 0.4, 1]);
    socket.resume();
    socket.end(
      Buffer.concat(said.map((each) => (dice.chance(harm) ? mutate(each, dice, dice.pick(said)) : frame(each)))),
    );
    counts.calls += said.length;
  },
  (socket) => {
    const bytes = Buffer.concat(conversation().map((each) => frame(each)));
    socket.write(bytes.subarray(0, dice.below(bytes.length)), () => socket.resetAndDestroy());
  },
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
  // Never reads, and asks again and again.
  (socket) => {
    const said = conversation();
    socket.pause();
    for (let i = 0; i < 200; i++) socket.write(frame(dice.pick(said)));
    setTimeout(() => socket.resetAndDestroy(), dice.below(LINGER));
  },
  // Announces 30 MB and sends one.
  (socket) => {
    const head = frame(Buffer.alloc(1 << 20, 0x10));
    head.writeUInt32BE(30 << 20);
    socket.write(head, () => setTimeout(() => socket.destroy(), dice.below(50)));
  },
];

await work(
  counts,
  async () => {
    await Promise.all(Array.from({ length: 8 }, () => attack(dice.chance(0.6) ? ATTACKS[0] : dice.pick(ATTACKS))));
    await new Promise((resolve) => setTimeout(resolve, 5));
  },
  () => {},
);
