import { type Fleet } from '../support/fleet.ts';
import { Load, type Loaded, type RoomCalled } from '../support/load.ts';
import type { Process } from '../support/process.ts';
import { pause, until } from '../support/wait.ts';
import { type Figure } from './figures.ts';

/** How many people in how many rooms, and how often each of the servers dies. */
export interface Size {
  rooms: number;
  participants: number;
  repeats: number;
}

/** Lines a second of each participant. */
const CHAT = 0.2;
/** Joins a second: what comes before a measurement should not take long. */
const JOIN_RATE = 100;
/** Before a blow, and after everybody has answered. */
const QUIET_MS = 1_000;
/** Between two looks at an election. */
const LOOK_MS = 25;
/** For engines that come back to have what the others have. */
const LEVEL_MS = 120_000;

/** What was done, and to whom. */
interface Blow {
  what: string;
  /** rooms whose streams have to be served by somebody else; all of them where it is not said */
  rooms?: Set<string>;
  /** from the blow to the end of the engines' election */
  electedMs?: number;
}

/** What participants of one blow noticed. */
interface Noticed extends Blow {
  /** those of `rooms`: from the blow to the answer, and how much of it were the client's own timers */
  answers: { afterMs: number; timersMs: number }[];
  /** of all rooms: never answered */
  silent: number;
  /** of the whole load */
  figures: Record<string, number>;
}

/** Something that is done to a fleet several times while a load runs on it. */
interface Drill {
  name: string;
  /** Strikes, calls the roll at the same moment, and mends what does not mend itself. */
  strike(fleet: Fleet, load: Load, turn: number): Promise<Blow>;
  figures(noticed: Noticed[], of: string): Figure[];
}

export const DRILLS: Drill[] = [
  {
    name: 'a shard is killed',
    async strike(fleet, load) {
      const { shard, rooms } = await busiest(fleet, load);
      await kill(load, shard);
      return { what: shard.name, rooms };
    },
    figures: (noticed, name) => [
      { what: `${name}: to the last of its streams`, timesMs: lasts(noticed), wanted: { medianMs: 500, worstMs: 1_500 } },
      { what: `${name}: each of its streams`, timesMs: noticed.flatMap(({ answers }) => answers.map((a) => a.afterMs)) },
    ],
  },
  {
    name: 'a shard stands still',
    async strike(fleet, load) {
      const { shard, rooms } = await busiest(fleet, load);
      shard.freeze();
      while (!shard.standsStill) await pause(1);
      load.call();
      await load.answered();
      shard.thaw();
      return { what: shard.name, rooms };
    },
    figures: (noticed, name) => [{ what: `${name}: to the last of its streams`, timesMs: lasts(noticed) }],
  },
  {
    name: 'a router is killed',
    async strike(fleet, load, turn) {
      const router = fleet.of('router')[turn % 2]!;
      await kill(load, router);
      return { what: router.name };
    },
    figures: (noticed, name) => [
      {
        what: `${name}: to the last stream, beyond the client's timers`,
        timesMs: noticed.map(({ answers }) => most(answers.map(({ afterMs, timersMs }) => afterMs - timersMs))),
        wanted: { worstMs: 300 },
      },
      { what: `${name}: to the last stream, timers included`, timesMs: lasts(noticed) },
    ],
  },
  {
    name: 'a shard and the leader of the engines are killed',
    async strike(fleet, load) {
      const { shard, rooms } = await busiest(fleet, load);
      const leader = await fleet.engines.leader();
      const began = performance.now();
      await kill(load, leader, shard);
      while (!(await fleet.engines.areLed())) await pause(LOOK_MS);
      return { what: `${shard.name} and ${leader.name}`, rooms, electedMs: performance.now() - began };
    },
    figures: (noticed, name) => [
      { what: `${name}: to the end of the election`, timesMs: noticed.map(({ electedMs }) => electedMs!) },
      {
        what: `${name}: from there to the last of its streams`,
        timesMs: noticed.map((one) => Math.max(0, last(one) - one.electedMs!)),
        wanted: { worstMs: 1_500 },
      },
    ],
  },
];

/**
 * Does it as often as asked, and says how each went. Each time to meetings that have just begun: they are spread evenly over
 * the shards then, and would pile up on those that live longest.
 */
export async function drill(fleet: Fleet, drill: Drill, number: number, size: Size): Promise<Figure[]> {
  const all: Noticed[] = [];
  for (let turn = 0; turn < size.repeats; turn += 1) {
    const load = await begin(fleet, `drill-${number}-${turn + 1}`, size);
    try {
      const blow = await drill.strike(fleet, load, turn);
      const told = await load.answered();
      console.log(`${drill.name}, ${turn + 1} of ${size.repeats}: ${blow.what}; ${told}`);
      await pause(QUIET_MS);
      all.push(noticed(blow, await load.end()));
    } finally {
      load.kill();
    }
  }
  return [...drill.figures(all, drill.name), ...harm(drill.name, all)];
}

async function begin(fleet: Fleet, room: string, size: Size): Promise<Load> {
  await level(fleet);
  const flags = ['--url', `http://127.0.0.1:${fleet.httpPort}`, '--chat', `${CHAT}`, '--join-rate', `${JOIN_RATE}`];
  const load = await Load.start(room, size.rooms, size.participants, flags);
  await pause(QUIET_MS);
  return load;
}

/** What must not happen to anybody, whoever dies. */
function harm(name: string, all: Noticed[]): Figure[] {
  const sum = (of: (one: Noticed) => number): number => all.reduce((total, one) => total + of(one), 0);
  const count = (key: string): number => sum(({ figures }) => figures[key] ?? 0);
  return [
    {
      what: `${name}: reloads, and who is never served again`,
      count: count('reloads') + sum(({ silent }) => silent),
      wanted: { count: 0 },
    },
    {
      what: `${name}: chat lines lost, doubled or out of order`,
      count: count('chat.lost') + count('chat.doubled') + count('chat.late'),
      of: `${count('chat.said')} said`,
      wanted: { count: 0 },
    },
    { what: `${name}: sockets lost by clients`, count: count('breaks') },
  ];
}

function noticed(blow: Blow, { calls, figures }: Loaded): Noticed {
  const rooms = Object.entries(calls[0]?.rooms ?? {});
  const concerned = rooms.filter(([room]) => blow.rooms?.has(room) ?? true).map(([, called]) => called);
  const answers = concerned.flatMap((room: RoomCalled) =>
    room.answered.map(([after, timers]) => ({ afterMs: after * 1_000, timersMs: timers * 1_000 })),
  );
  return { ...blow, answers, figures, silent: rooms.reduce((total, [, room]) => total + room.silent, 0) };
}

/** The shard with most meetings of a load, and their rooms. */
export async function busiest(fleet: Fleet, load: Load): Promise<{ shard: Process; rooms: Set<string> }> {
  const meetings = (await fleet.meetings()).filter(({ room }) => room.startsWith(`${load.room}-`));
  const rooms = (shard: string): string[] => meetings.filter((one) => one.shard === shard).map(({ room }) => room);
  const [shard] = fleet.of('shard').sort((one, other) => rooms(other.name).length - rooms(one.name).length);
  return { shard: shard!, rooms: new Set(rooms(shard!.name)) };
}

/** At one moment, as nearly as there is one: they are dead, and everybody asks. */
export async function kill(load: Load, ...processes: Process[]): Promise<void> {
  const gone = processes.map((process) => process.kill());
  load.call();
  await Promise.all(gone);
}

/** Everybody is alive, and any one may die. */
export async function level(fleet: Fleet): Promise<void> {
  await fleet.restore();
  await until('every engine has everything', () => fleet.engines.areLevel(), LEVEL_MS);
}

function lasts(noticed: Noticed[]): number[] {
  return noticed.map(last);
}

function last({ answers }: Noticed): number {
  return most(answers.map(({ afterMs }) => afterMs));
}

function most(values: number[]): number {
  return values.reduce((one, other) => Math.max(one, other), 0);
}
