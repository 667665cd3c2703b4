// The registry's table, with the time told to it: keep-alives, pruning, bounds.
import { describe, expect, test } from 'vitest';
import type { ServerAddress } from '../../../src/registry/messages.ts';
import { ServiceTable } from '../../../src/registry/services.ts';

const ONE: ServerAddress = ['10.0.0.1', 18861];
const TWO: ServerAddress = ['10.0.0.2', 18861];

function table(maxServices = 10, maxServers = 100) {
  const told: string[] = [];
  const services = new ServiceTable({
    pruneAfter: 240_000,
    maxServices,
    maxServers,
    added: (name, [host]) => told.push(`+${name} ${host}`),
    removed: (name, [host]) => told.push(`-${name} ${host}`),
  });
  return { services, told };
}

describe('the table of a registry', () => {
  test('servers are in the order in which they were last heard of, as RPyC answers', () => {
    const { services, told } = table();
    services.register(['A'], ONE, 0);
    services.register(['A'], TWO, 1000);
    expect(services.query('A', 2000)).toEqual([ONE, TWO]);
    services.register(['A'], ONE, 3000);
    expect(services.query('A', 4000)).toEqual([TWO, ONE]);
    expect(told).toEqual(['+A 10.0.0.1', '+A 10.0.0.2']);
  });

  test('a server is known for exactly the pruning time after it was last heard of', () => {
    const { services, told } = table();
    services.register(['A', 'B'], ONE, 0);
    services.register(['A'], ONE, 100_000);
    expect(services.query('B', 240_000)).toEqual([ONE]);
    expect(services.query('B', 240_001)).toEqual([]);
    expect(services.names(null, 240_001)).toEqual(['A']);
    expect(services.query('A', 340_000)).toEqual([ONE]);
    services.prune(340_001);
    expect(services.names(null, 340_001)).toEqual([]);
    expect(told).toEqual(['+A 10.0.0.1', '+B 10.0.0.1', '-B 10.0.0.1', '-A 10.0.0.1']);
  });

  test('a server that unregisters is forgotten under all its names, and no other one', () => {
    const { services, told } = table();
    services.register(['A', 'B', 'A'], ONE, 0);
    services.register(['A'], TWO, 0);
    services.unregister(ONE);
    services.unregister(['10.0.0.1', 1]);
    expect(services.query('A', 1)).toEqual([TWO]);
    expect(services.names(null, 1)).toEqual(['A']);
    expect(told.filter((line) => line.startsWith('-'))).toEqual(['-A 10.0.0.1', '-B 10.0.0.1']);
  });

  test('names are filtered by the host of their servers', () => {
    const { services } = table();
    services.register(['A', 'B'], ONE, 0);
    services.register(['B', 'C'], TWO, 0);
    expect(services.names('10.0.0.1', 1)).toEqual(['A', 'B']);
    expect(services.names('10.0.0.2', 1)).toEqual(['B', 'C']);
    expect(services.names('10.0.0', 1)).toEqual([]);
  });

  test('a full table takes nothing of what would be too many, keeps those alive that it has, and makes room of the dead', () => {
    const { services } = table(2, 3);
    expect(services.register(['A', 'B'], ONE, 0)).toBe(true);
    expect(services.register(['C'], TWO, 0)).toBe(false);
    expect(services.register(['A', 'B'], TWO, 0)).toBe(false);
    expect(services.query('A', 0)).toEqual([ONE]);
    expect(services.register(['A'], TWO, 0)).toBe(true);
    expect(services.register(['A', 'B'], ONE, 200_000)).toBe(true);
    expect(services.register(['B'], TWO, 240_000)).toBe(false);
    expect(services.register(['B'], TWO, 240_001)).toBe(true);
    expect(services.query('A', 240_001)).toEqual([ONE]);
  });
});
