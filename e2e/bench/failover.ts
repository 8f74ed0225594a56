/** What the death of a server costs, against what is promised. Prints one table. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Fleet } from '../support/fleet.ts';
import { OUT } from '../support/out.ts';
import { DRILLS, type Size, drill } from './drills.ts';
import { type Figure, print } from './figures.ts';
import { machine } from './machine.ts';
import { media } from './media.ts';
import { stock } from './stock.ts';

const SIZE: Size = {
  rooms: Number(process.env['BENCH_ROOMS'] ?? 100),
  participants: Number(process.env['BENCH_PARTICIPANTS'] ?? 10),
  repeats: Number(process.env['BENCH_REPEATS'] ?? 5),
};

const LOG = join(OUT, 'failover.log');

interface Engine {
  appends: number[];
  replays: number[];
}

async function measure(): Promise<Figure[]> {
  const figures = journal();
  console.log('three engines, three shards, two bridges, two routers and HAProxy start');
  const fleet = await Fleet.start();
  try {
    figures.push(...(await media(fleet, SIZE.repeats)));
    for (const [number, one] of DRILLS.entries()) figures.push(...(await drill(fleet, one, number + 1, SIZE)));
  } catch (error) {
    mkdirSync(OUT, { recursive: true });
    writeFileSync(LOG, fleet.wholeLog());
    console.error(`what the servers said is in ${LOG}`);
    throw error;
  } finally {
    await fleet.stop();
  }
  console.log('stock Prosody starts');
  return [...figures, ...(await stock(SIZE))];
}

/** Before anything else takes time on this machine. */
function journal(): Figure[] {
  console.log('the engines of the journal, alone');
  const program = process.env['BENCH_JOURNAL'];
  if (!program) throw new Error('BENCH_JOURNAL names no program: run this with `cargo xtask bench failover`');
  const { redb, nats } = JSON.parse(execFileSync(program, { encoding: 'utf8' })) as { redb: Engine; nats: Engine };
  return [
    { what: 'append to redb, 1,000 a second', timesMs: redb.appends, wanted: { p99Ms: 2 } },
    { what: 'append to three NATS servers, 1,000 a second', timesMs: nats.appends, wanted: { p99Ms: 5 } },
    { what: 'replay of 1,000 entries from redb', timesMs: redb.replays, wanted: { worstMs: 50 } },
    { what: 'replay of 1,000 entries from three NATS servers', timesMs: nats.replays, wanted: { worstMs: 50 } },
  ];
}

async function main(): Promise<void> {
  const { rooms, participants, repeats } = SIZE;
  console.log(`${machine()}; ${rooms} meetings of ${participants} simulated participants share the machine with all servers`);
  const figures = await measure();
  console.log(`\n${rooms} meetings of ${participants}, ${repeats} times each (stock: at most 30 meetings, twice).`);
  console.log('A stream is served again when a ping of its client, sent at the moment of the kill, is answered.');
  print(figures);
}

// processes that were started end with this one: see Process
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
await main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
