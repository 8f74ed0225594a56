import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Process } from '../../support/process.ts';
import { discard, scratch } from '../../support/scratch.ts';
import { pause, until } from '../../support/wait.ts';
import type { Contest, Figure, Sample } from './contest.ts';
import { Front } from './fronts.ts';
import type { Kind } from './shards.ts';
import { Sockets } from './sockets.ts';

const ROOMS = 1_000;
/** Connections of the load source of requests. */
const CONNECTIONS = 32;
/** Sockets that talk at once. */
const TALKERS = 200;
const WARM_UP_S = 1;
/** Between the last message and the look at the memory: buffers are given back. */
const SETTLE_MS = 3_000;

export interface Size {
  /** of each measurement */
  seconds: number;
  /** WebSockets that are open and say nothing */
  sockets: number;
}

const REQUESTS: Figure[] = [
  { key: 'rate', name: 'requests', unit: 'a second', better: 'more' },
  { key: 'cpu', name: 'CPU per request', unit: 'us', better: 'less' },
];
const MESSAGES: Figure[] = [
  { key: 'rate', name: 'messages', unit: 'a second', better: 'more' },
  { key: 'cpu', name: 'CPU per message', unit: 'us', better: 'less' },
];
const MEMORY: Figure[] = [{ key: 'memory', name: 'memory per socket', unit: 'KiB', better: 'less' }];

/** Requests for a thousand rooms, as many as go through. */
export function requests({ seconds }: Size): Contest {
  return contest('requests', REQUESTS, CONNECTIONS, 'plain', (front) => ask(front, seconds));
}

/** Messages over WebSockets that each have one under way. */
export function messages({ seconds }: Size): Contest {
  return contest('WebSocket messages', MESSAGES, TALKERS, 'echo', (front) => talk(front, seconds));
}

/** Sockets at rest, in processes that have done nothing before. */
export function idle({ sockets }: Size): Contest {
  return contest(`${sockets} sockets at rest`, MEMORY, sockets, 'echo', (front) => rest(front, sockets));
}

function contest(
  name: string,
  figures: Figure[],
  sockets: number,
  shards: Kind,
  measure: (front: Front) => Promise<Sample>,
): Contest {
  const turn = async (started: Promise<Front>): Promise<Sample> => {
    const front = await started;
    try {
      return await measure(front);
    } finally {
      await front.stop();
    }
  };
  return {
    name,
    peer: 'HAProxy',
    figures,
    ours: () => turn(Front.althing(shards, sockets)),
    theirs: () => turn(Front.haproxy(shards, sockets)),
  };
}

async function ask(front: Front, seconds: number): Promise<Sample> {
  await wrk(front, WARM_UP_S);
  const before = front.usage().cpuSeconds;
  const { rate, count } = await wrk(front, seconds);
  return { rate, cpu: ((front.usage().cpuSeconds - before) * 1e6) / count };
}

async function talk(front: Front, seconds: number): Promise<Sample> {
  const sockets = await Sockets.open(front.port, TALKERS, ROOMS);
  try {
    sockets.talk();
    await pause(WARM_UP_S * 1_000);
    const [before, echoes, started] = [front.usage().cpuSeconds, sockets.echoes, performance.now()];
    await pause(seconds * 1_000);
    // there and back
    const count = 2 * (sockets.echoes - echoes);
    const cpu = front.usage().cpuSeconds - before;
    sockets.silence();
    return { rate: (count * 1e3) / (performance.now() - started), cpu: (cpu * 1e6) / count };
  } finally {
    sockets.close();
  }
}

async function rest(front: Front, count: number): Promise<Sample> {
  const before = front.usage().residentBytes;
  const sockets = await Sockets.open(front.port, count, ROOMS);
  try {
    await pause(SETTLE_MS);
    const after = front.usage().residentBytes;
    if (sockets.open < count) throw new Error(`${count - sockets.open} of ${count} sockets did not stay open`);
    return { memory: (after - before) / 1024 / count };
  } finally {
    sockets.close();
  }
}

/** wrk, which asks again on each connection as soon as it is answered. */
async function wrk(front: Front, seconds: number): Promise<{ rate: number; count: number }> {
  const data = scratch('peers');
  const script = join(data, 'rooms.lua');
  writeFileSync(
    script,
    `local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/http-bind?room=room" .. n % ${ROOMS})
end
`,
  );
  const flags = ['-t', '1', '-c', `${CONNECTIONS}`, '-d', `${seconds}s`, '-s', script];
  const source = new Process('wrk', 'wrk', [...flags, `http://127.0.0.1:${front.port}`]);
  source.start();
  await until('wrk ends', () => source.ended !== undefined);
  discard(data);
  const said = source.wholeLog();
  const number = (found: RegExp): number => Number(found.exec(said)?.[1] ?? Number.NaN);
  if (/Non-2xx|Socket errors/.test(said) || !said.includes('Requests/sec')) {
    throw new Error(`not every request was answered: ${source.ended}\n${said}`);
  }
  return { rate: number(/Requests\/sec:\s+(\S+)/), count: number(/(\d+) requests in/) };
}
