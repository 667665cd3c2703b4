// Every row of sections A3, B, C and D of the mapping, in every cell of the matrix; prints rows x cells at the end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describePython, type PythonPeer } from '../support/python.ts';
import { CELLS, nameOf, Outcomes, PEERS, RunningCell, startPeer } from './matrix.ts';
import { A3 } from './rows/a3.ts';
import { B } from './rows/b.ts';
import { C } from './rows/c.ts';
import { D } from './rows/d.ts';

const ROWS = [...A3, ...B, ...C, ...D];
const outcomes = new Outcomes();

describePython('The mapping', () => {
  describe.each(PEERS)('with RPyC $name', (peer) => {
    let python: PythonPeer;
    beforeAll(async () => {
      python = await startPeer(peer);
    });
    afterAll(() => python.stop());

    describe.each(CELLS.filter((cell) => cell.peer === peer))('$direction, $face', (cell) => {
      let running: RunningCell;
      beforeAll(async () => {
        running = new RunningCell(cell, python, ROWS);
        await running.start();
      });
      afterAll(() => running.stop());

      for (const row of ROWS) {
        const reason = row.notApplicable?.(cell);
        if (reason !== undefined) outcomes.set(row, cell, reason);
        else
          test(`${row.id}: ${row.title}`, async () => {
            outcomes.set(row, cell, 'fail');
            await running.check(row);
            outcomes.set(row, cell, 'pass');
          });
      }
    });
  });

  test('has every row once, an outcome in every cell, and a reason wherever a row does not apply', () => {
    console.log(outcomes.table(ROWS));
    expect(new Set(ROWS.map((row) => row.id)).size).toBe(ROWS.length);
    const absent = ROWS.flatMap((row) =>
      CELLS.filter((cell) => !outcomes.get(row, cell)).map((cell) => [row.id, nameOf(cell)]),
    );
    expect(absent).toEqual([]);
    for (const row of ROWS)
      for (const cell of CELLS) {
        const outcome = outcomes.get(row, cell) as string;
        if (outcome !== 'pass' && outcome !== 'fail') expect(outcome.length).toBeGreaterThan(20);
      }
    const never = ROWS.filter((row) => !CELLS.some((cell) => outcomes.get(row, cell) === 'pass')).map((row) => row.id);
    expect(never).toEqual([]);
  });
});
