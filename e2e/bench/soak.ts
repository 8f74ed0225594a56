/**
 * One meeting, and servers that die at random, one after the other, for as long as it is told. The same seed gives the
 * same blows in the same order. Ends with a table, and with an error when anybody lost a line or had to reload.
 */
import { mkdirSync, writeFileSync } from 'node:fs';

import { launch } from '../support/browser.ts';
import { BLOWS } from '../support/blows.ts';
import { Fleet } from '../support/fleet.ts';
import { Notice, type Noticed } from '../support/notice.ts';
import { OUT } from '../support/out.ts';
import { pause } from '../support/wait.ts';
import { machine, percentile, table } from './machine.ts';
import { Party } from './party.ts';

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60);
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
/** Longest quiet between the repair of one blow and the next. */
const QUIET_MAX_MS = 5_000;

interface Outcome extends Noticed {
  blow: string;
}

async function main(): Promise<void> {
  console.log(`${machine()}; seed ${SEED}, ${MINUTES} minutes`);
  const [fleet, browser] = [await Fleet.start(), await launch()];
  const party = await Party.begin(fleet, browser, 'soak');
  const chance = random(SEED);
  const outcomes: Outcome[] = [];
  const end = Date.now() + MINUTES * 60_000;
  try {
    while (Date.now() < end) outcomes.push(await oneBlow(fleet, party, chance, outcomes.length));
  } catch (error) {
    keepEvidence(fleet, outcomes.length + 1);
    throw error;
  } finally {
    report(outcomes, party.reloads);
    await browser.close();
    await fleet.stop();
  }
  const all = outcomes.reduce((total, one) => total + harm(one), party.reloads);
  if (all > 0) throw new Error(`${all} lines lost, doubled or out of order, or pages reloaded`);
}

async function oneBlow(fleet: Fleet, party: Party, chance: () => number, number: number): Promise<Outcome> {
  const blow = BLOWS[Math.floor(chance() * BLOWS.length)]!;
  const quiet = chance() * QUIET_MAX_MS;
  const notice = await Notice.of(...party.people);
  await pause(quiet);
  const what = await blow.strike(fleet, party.room);
  await notice.heard(60_000);
  await party.mediaFlow();
  await fleet.restore();
  const noticed = await notice.end();
  console.log(
    `${number + 1}: ${blow.name} (${what}): picture ${noticed.pictureMs} ms, chat ${noticed.chatMs} ms, ` +
      `lost ${noticed.lost}, doubled ${noticed.doubled}, reloads so far ${party.reloads}`,
  );
  if (harm(noticed) > 0) keepEvidence(fleet, number + 1);
  return { ...noticed, blow: blow.name };
}

function harm({ lost, doubled, disordered }: Noticed): number {
  return lost + doubled + disordered;
}

function keepEvidence(fleet: Fleet, number: number): void {
  mkdirSync(OUT, { recursive: true });
  const file = `${OUT}soak-${number}.log`;
  writeFileSync(file, fleet.wholeLog());
  console.log(`what the servers wrote is in ${file}`);
}

function report(outcomes: Outcome[], reloads: number): void {
  const rows = BLOWS.map(({ name }) => {
    const those = outcomes.filter((outcome) => outcome.blow === name);
    const times = (pick: (one: Noticed) => number): string[] =>
      [0.5, 1].map((part) => `${percentile(those.map(pick), part).toFixed(0)} ms`);
    const harmed = those.reduce((total, one) => total + harm(one), 0);
    return [name, `${those.length}`, ...times((one) => one.pictureMs), ...times((one) => one.chatMs), `${harmed}`];
  });
  console.log(`\n${outcomes.length} blows, ${reloads} reloads`);
  table(
    ['what happened', 'times', 'picture still: median', 'worst', 'chat: median', 'worst', 'lines lost, doubled, disordered'],
    rows.filter((row) => row[1] !== '0'),
  );
}

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator, Numerical Recipes' constants). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

await main();
