/** Times joins, and measures what meetings cost the server. Prints two tables. */
import type { Browser, Page } from 'playwright-core';

import { Tab, launch } from '../support/browser.ts';
import { flowing } from '../support/media.ts';
import { Person } from '../support/person.ts';
import { Server } from '../support/server.ts';
import { type Cost, machine, measure, percentile, table } from './machine.ts';

const JOINS = Number(process.env['BENCH_JOINS'] ?? 20);
const WINDOW_S = Number(process.env['BENCH_WINDOW_S'] ?? 20);
const MEETINGS = Number(process.env['BENCH_MEETINGS'] ?? 10);
/** Thirty pages on two cores: a small window and a slow fake camera, so that the browsers leave something to measure. */
const SMALL = { width: 360, height: 240 };
const SLOW_CAMERA = ['--use-fake-device-for-media-stream=fps=5'];

/** Who sends: everybody, one of each meeting, or nobody. */
type Senders = 'all' | 'one' | 'none';

async function main(): Promise<void> {
  console.log(`${machine()}; server and browsers share the machine`);
  await joins();
  await costs();
}

async function joins(): Promise<void> {
  const rows: string[][] = [];
  for (const others of [1, 2]) {
    const server = await Server.start();
    const browser = await launch();
    const room = `${url(server)}bench`;
    for (let count = 0; count < others; count += 1) await enter(browser, room, `Host${count}`, SMALL);
    const times: number[] = [];
    for (let count = 0; count < JOINS; count += 1) times.push(await timedJoin(browser, room));
    rows.push([
      others === 1 ? 'second' : 'third',
      `${JOINS}`,
      ...[0.5, 0.95, 1].map((part) => `${percentile(times, part).toFixed(0)} ms`),
    ]);
    await browser.close();
    await server.stop();
  }
  console.log('\nfrom navigation to the first decoded remote frame (Chromium counts frames in steps of 50 ms)');
  table(['participant', 'joins', 'p50', 'p95', 'worst'], rows);
}

async function timedJoin(browser: Browser, room: string): Promise<number> {
  const tab = await Tab.open(browser);
  await tab.page.goto(`${room}#skip-prejoin&name=Guest`, { waitUntil: 'commit' });
  const time = await tab.page.evaluate(untilFirstFrame);
  await new Person('Guest', tab).press('toolbar-leave');
  await tab.page.getByTestId('left-page').waitFor();
  await tab.close();
  return time;
}

/** Runs in the page: milliseconds from its navigation until a frame of anybody was decoded. */
async function untilFirstFrame(): Promise<number> {
  const page = window as unknown as { e2eConnections: RTCPeerConnection[] };
  for (;;) {
    for (const connection of page.e2eConnections) {
      if (connection.signalingState === 'closed') continue;
      let frames = 0;
      (await connection.getStats()).forEach((report: Record<string, unknown>) => {
        if (report['type'] === 'inbound-rtp') frames += Number(report['framesDecoded'] ?? 0);
      });
      if (frames > 0) return performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function costs(): Promise<void> {
  const rows: string[][] = [];
  for (const [meetings, senders] of [
    [1, 'none'],
    [1, 'all'],
    [MEETINGS, 'none'],
    [MEETINGS, 'one'],
  ] as const) {
    rows.push(row(meetings, senders, await cost(meetings, senders)));
  }
  console.log(`\nwhat meetings of three cost the server, over ${WINDOW_S} s; pages of 360x240, camera at 5 frames a second`);
  table(
    ['meetings', 'who sends', 'server CPU', 'resident', 'packets in', 'packets out', 'machine idle'],
    rows,
  );
}

async function cost(meetings: number, senders: Senders): Promise<Cost> {
  const server = await Server.start();
  // One browser process family for every five meetings: one alone serialises thirty pages on its audio thread.
  const browsers: Browser[] = [];
  for (let count = 0; count < meetings; count += 1) {
    if (count % 5 === 0) browsers.push(await launch(SLOW_CAMERA));
    await meeting(browsers.at(-1)!, `${url(server)}bench-${count}`, senders);
  }
  const measured = await measure(server, WINDOW_S);
  for (const browser of browsers) await browser.close();
  await server.stop();
  return measured;
}

async function meeting(browser: Browser, room: string, senders: Senders): Promise<void> {
  const people: Person[] = [];
  for (const name of ['Ada', 'Ben', 'Cleo']) {
    const person = await enter(browser, room, name, SMALL);
    people.push(person);
    const sends = senders === 'all' || (senders === 'one' && name === 'Ada');
    if (!sends) {
      await off(person, 'toolbar-mic');
      await off(person, 'toolbar-camera');
    }
  }
  const streams = { all: 2, one: 1, none: 0 }[senders];
  await received(people.at(-1)!.page, streams);
}

/** A device may still be opening when the room is entered: pressed too early, the button turns it on. */
async function off(person: Person, button: string): Promise<void> {
  await person.page.locator(`[data-testid=${button}][aria-pressed=true]`).first().click({ timeout: 60_000 });
}

async function received(page: Page, streams: number): Promise<void> {
  await flowing(page, 'audio', streams, 60_000);
}

async function enter(browser: Browser, room: string, name: string, size: typeof SMALL): Promise<Person> {
  const person = new Person(name, await Tab.open(browser, size));
  await person.page.goto(`${room}#skip-prejoin&name=${name}`);
  await person.state('joined', 60_000);
  return person;
}

function url(server: Server): string {
  return `http://127.0.0.1:${server.httpPort}/`;
}

function row(meetings: number, senders: Senders, cost: Cost): string[] {
  return [
    `${meetings}`,
    { all: 'everybody', one: 'one of three', none: 'nobody' }[senders],
    `${cost.serverCpuPercent.toFixed(1)} %`,
    `${cost.residentMiB.toFixed(0)} MiB`,
    `${cost.packetsReceivedPerSecond.toFixed(0)}/s`,
    `${cost.packetsSentPerSecond.toFixed(0)}/s`,
    `${cost.machineIdlePercent.toFixed(0)} %`,
  ];
}

await main();
