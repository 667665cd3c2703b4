// restricted and classpartial as a Python client sees them (RPyC's test_restricted of test_custom_service.py; helpers.py).
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { startNetrefs } from './netrefs.ts';
import { serve } from './nodes.ts';

class Account {
  owner = 'ada';
  balance = 10;
  #pin = 1234;
  deposit(amount: number) {
    this.balance += amount;
    return this.balance;
  }
  pin() {
    return this.#pin;
  }
}

describePython.each(PYTHONS)('A client of RPyC %s', (version) => {
  test('reads and writes of a restricted object what is named, under every configuration', async () => {
    class Bank extends rpyc.Service {
      account = new Account();
      exposed_reader() {
        return rpyc.restricted(this.account, ['owner', 'balance', 'deposit'], []);
      }
      exposed_writer() {
        return rpyc.restricted(this.account, new Set(['owner', 'balance']));
      }
      exposed_numbers() {
        return rpyc.restricted([1, 2], ['append', '__len__', 'missing']);
      }
      exposed_everything() {
        return rpyc.restricted(this.account, ['constructor', '__proto__', 'prototype']);
      }
    }
    const { port } = await serve(Bank, { allow_all_attrs: true, allow_setattr: true, allow_delattr: true });
    const out = await runClient(
      version,
      port,
      `
      reader, writer = root.reader(), root.writer()
      out['read'] = [reader.owner, reader.balance, reader.deposit(5), reader.balance]
      out['denied'] = [raised(lambda: reader.pin), raised(setattr, reader, 'owner', 'eve'), raised(delattr, reader, 'owner'),
                       raised(lambda: writer.deposit), raised(setattr, writer, 'pin', 1), raised(lambda: reader._rpyc_getattr)]
      writer.owner = 'eve'
      out['written'] = reader.owner
      numbers = root.numbers()
      numbers.append(3)
      out['numbers'] = [numbers.__len__(), raised(lambda: numbers.pop), raised(lambda: numbers.missing)]
      all = root.everything()
      out['never'] = [raised(getattr, all, name)[0] for name in ('constructor', '__proto__', 'prototype')]
      `,
    );
    expect(out.read).toEqual(['ada', 10, 15, 15]);
    for (const [name] of out.denied) expect(name).toBe('AttributeError');
    expect(out.written).toBe('eve');
    expect(out.numbers.map((item: any) => item[0] ?? item)).toEqual([3, 'AttributeError', 'AttributeError']);
    expect(out.never).toEqual(['AttributeError', 'AttributeError', 'AttributeError']);
  });

  test('reaches through a restricted reference of another connection only what is named', async () => {
    const server = await startNetrefs(version, { allow_public_attrs: true, allow_setattr: true });
    const upstream = await rpyc.connect('127.0.0.1', server.ready.port);
    class Relay extends rpyc.Service {
      async exposed_point() {
        return rpyc.restricted(await upstream.root.make_point(3, 4), ['x', 'norm'], ['x']);
      }
    }
    const { port } = await serve(Relay);
    const out = await runClient(
      version,
      port,
      `
      point = root.point()
      out['read'] = [point.x, point.norm()]
      point.x = 0
      out['written'] = point.norm()
      out['denied'] = [raised(lambda: point.y)[0], raised(setattr, point, 'y', 1)[0]]
      `,
    );
    expect(out).toEqual({ read: [3, 5], written: 4, denied: ['AttributeError', 'AttributeError'] });
    await upstream.close();
  });

  test('meets a service whose arguments classpartial bound, one instance per connection', async () => {
    let made = 0;
    class GreetingService extends rpyc.Service {
      readonly greeting: string;
      readonly number = ++made;
      constructor(greeting: string, ...more: string[]) {
        super();
        this.greeting = [greeting, ...more].join(' ');
      }
      exposed_greet(name: string) {
        return `${this.greeting}, ${name} (${this.number})`;
      }
    }
    const Partial = rpyc.classpartial(GreetingService, 'good', 'morning');
    expect(Partial.name).toBe('GreetingService');
    expect(new Partial()).toBeInstanceOf(GreetingService);
    const { port } = await serve(Partial);
    const greet = `out['greeting'] = root.greet('ada'); out['name'] = root.get_service_name()`;
    expect(await runClient(version, port, greet)).toEqual({ greeting: 'good morning, ada (2)', name: 'GREETING' });
    expect(await runClient(version, port, greet)).toEqual({ greeting: 'good morning, ada (3)', name: 'GREETING' });
  });
});
