/** What people in a meeting notice when one of its servers dies. Prints a table. */
import { launch } from '../support/browser.ts';
import { BLOWS, type Blow } from '../support/blows.ts';
import { Fleet } from '../support/fleet.ts';
import { Notice, type Noticed } from '../support/notice.ts';
import { pause } from '../support/wait.ts';
import { machine, percentile, table } from './machine.ts';
import { Party } from './party.ts';

const REPEATS = Number(process.env['BENCH_REPEATS'] ?? 5);
/** Before a blow, and after its end was seen: what the machine does by itself shows too. */
const QUIET_MS = 2_000;

async function main(): Promise<void> {
  console.log(`${machine()}; browsers, three engines, three shards, two bridges, two routers and HAProxy share the machine`);
  const fleet = await Fleet.start();
  const browser = await launch();
  const rows = [];
  const nothing: Blow = { name: 'nothing happens', strike: () => pause(QUIET_MS).then(() => '') };
  for (const blow of [nothing, ...BLOWS]) {
    const noticed: (Noticed & { reloads: number })[] = [];
    for (let count = 0; count < REPEATS; count += 1) {
      const party = await Party.begin(fleet, browser, `deaths-${rows.length}-${count}`);
      noticed.push(await once(blow, fleet, party));
      await party.end();
    }
    rows.push(row(blow.name, noticed));
  }
  await browser.close();
  await fleet.stop();
  console.log(`\nwhat somebody in a meeting of two notices, ${REPEATS} times each: median / worst`);
  table(
    ['what happens', 'picture stands still', 'a chat line takes', 'lines lost', 'doubled', 'out of order', 'told to wait', 'reloads'],
    rows,
  );
}

async function once(blow: Blow, fleet: Fleet, party: Party): Promise<Noticed & { reloads: number }> {
  const [ada, ben] = party.people;
  const notice = await Notice.of(ada, ben);
  await pause(QUIET_MS);
  await blow.strike(fleet, party.room);
  await notice.heard(60_000);
  await party.mediaFlow();
  await pause(QUIET_MS);
  return { ...(await notice.end()), reloads: party.reloads };
}

function row(name: string, noticed: (Noticed & { reloads: number })[]): string[] {
  const times = (pick: (one: Noticed) => number): string => {
    const values = noticed.map(pick);
    return `${percentile(values, 0.5).toFixed(0)} / ${Math.max(...values).toFixed(0)} ms`;
  };
  const sum = (pick: (one: Noticed & { reloads: number }) => number): string =>
    `${noticed.reduce((total, one) => total + pick(one), 0)}`;
  return [
    name,
    times((one) => one.pictureMs),
    times((one) => one.chatMs),
    sum((one) => one.lost),
    sum((one) => one.doubled),
    sum((one) => one.disordered),
    sum((one) => one.reconnections),
    sum((one) => one.reloads),
  ];
}

await main();
