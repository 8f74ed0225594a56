import type { Fleet } from './fleet.ts';
import type { Process } from './process.ts';
import { pause } from './wait.ts';

/** Something that happens to the servers of a meeting. */
export interface Blow {
  name: string;
  /** What was done, by name. What is dead afterwards is started again by `Fleet.restore`. */
  strike(fleet: Fleet, room: string): Promise<string>;
}

/** For a frozen process, before it wakes. */
const FROZEN_MS = 6_000;

export const BLOWS: Blow[] = [
  {
    name: 'its shard is killed',
    strike: async (fleet, room) => kill(await fleet.owner(room)),
  },
  {
    name: 'its shard is frozen for 6 s',
    strike: async (fleet, room) => freeze(await fleet.owner(room)),
  },
  {
    name: 'all shards but one are killed, its own among them',
    async strike(fleet, room) {
      const owner = await fleet.owner(room);
      const [, ...others] = fleet.of('shard').filter((shard) => shard.name !== owner.name);
      return kill(owner, ...others);
    },
  },
  {
    name: 'a router is killed',
    strike: (fleet) => kill(fleet.of('router')[0]!),
  },
  {
    name: 'the other router is killed',
    strike: (fleet) => kill(fleet.of('router')[1]!),
  },
  {
    name: 'the leader of the engines is killed',
    strike: async (fleet) => kill(await fleet.engines.leader()),
  },
  {
    name: 'all engines are frozen for 6 s',
    strike: (fleet) => freeze(...fleet.engines.members),
  },
  {
    name: 'its bridge is killed',
    strike: async (fleet, room) => kill(await fleet.bridge(room)),
  },
];

async function freeze(...processes: Process[]): Promise<string> {
  for (const process of processes) process.freeze();
  await pause(FROZEN_MS);
  for (const process of processes) process.thaw();
  return names(processes);
}

async function kill(...processes: Process[]): Promise<string> {
  await Promise.all(processes.map((process) => process.kill()));
  return names(processes);
}

function names(processes: Process[]): string {
  return processes.map((process) => process.name).join(', ');
}
