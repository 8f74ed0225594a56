/** Our parts beside the stock ones, on this machine, in turns. Prints tables, and keeps them if it is told to. */
import { machine } from './machine.ts';
import { forwarding } from './peers/bridge.ts';
import { type Contest, type Outcome, alternate, written } from './peers/contest.ts';
import { files } from './peers/fronts.ts';
import { keep, section } from './peers/page.ts';
import { idle, messages, requests } from './peers/routing.ts';
import { storm } from './peers/signalling.ts';

const IS_QUICK = process.env['BENCH_QUICK'] === '1';
const REPEATS = IS_QUICK ? 1 : Number(process.env['BENCH_REPEATS'] ?? 3);
const SOCKETS = IS_QUICK ? 200 : Number(process.env['BENCH_SOCKETS'] ?? 5_000);
const ONLY = process.env['BENCH_ONLY'];
/** The document that the tables are kept in. */
const DOCUMENT = process.env['BENCH_DOCUMENT'];

const STORMS = IS_QUICK
  ? [{ rooms: 4, participants: 5, idle: 1 }]
  : [
      { rooms: 200, participants: 5, idle: 10 },
      { rooms: 8, participants: 50, idle: 0 },
      { rooms: 1, participants: 400, idle: 0 },
    ];

/** As large as two cores carry with the load beside it. */
const CALLS = IS_QUICK
  ? [
      { participants: 6, senders: 1, seconds: 5 },
      { participants: 4, senders: 4, seconds: 5 },
    ]
  : [
      { participants: 41, senders: 1, seconds: 30 },
      { participants: 12, senders: 12, seconds: 30 },
    ];

function contests(): Contest[] {
  const size = { seconds: IS_QUICK ? 1 : 5, sockets: SOCKETS };
  const all = {
    signalling: STORMS.map(storm),
    router: [requests(size), messages(size), idle(size)],
    bridge: CALLS.map(forwarding),
  };
  return Object.entries(all).flatMap(([part, contests]) => (!ONLY || part === ONLY ? contests : []));
}

async function main(): Promise<void> {
  files(SOCKETS);
  console.log(`${machine()}; servers and load share it`);
  const started = performance.now();
  const outcomes: Outcome[] = [];
  for (const contest of contests()) outcomes.push(await alternate(contest, REPEATS));
  const text = section({ machine: machine(), repeats: REPEATS, tables: outcomes.map(written) });
  console.log(`\n${text}`);
  if (DOCUMENT) keep(DOCUMENT, text);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(`${minutes} minutes${DOCUMENT ? `; written to ${DOCUMENT}` : ''}`);
  const failed = outcomes.filter(({ ours, theirs }) => ours.length + theirs.length < 2 * REPEATS);
  if (failed.length > 0) throw new Error(`turns failed: ${failed.map(({ contest }) => contest.name).join(', ')}`);
}

// processes that were started end with this one: see Process
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
await main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
