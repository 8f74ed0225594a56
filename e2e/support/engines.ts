import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Host } from './hosts.ts';
import { freePort } from './ports.ts';
import { Process } from './process.ts';
import { until } from './wait.ts';

const PROGRAM = process.env['ALTHING_ENGINE'] ?? '/usr/sbin/nats-server';

interface Status {
  meta_cluster?: { leader?: string; cluster_size?: number };
  account_details?: { stream_detail?: Stream[] }[];
}

interface Stream {
  name: string;
  cluster?: { leader?: string; replicas?: { current: boolean; offline?: boolean }[] };
}

/** NATS servers that keep the journal together. */
export class Engines {
  private constructor(
    readonly members: Process[],
    /** what nodes are told */
    readonly urls: string,
    private readonly monitors: Map<string, string>,
  ) {}

  /** Starts as many; they have a leader when this returns. */
  static async start(count: number, host: Host, data: string): Promise<Engines> {
    const servers = [];
    for (let number = 1; number <= count; number++) {
      const [client, route, monitor] = [await freePort(), await freePort(), await freePort()];
      servers.push({ name: `nats-${number}`, client, route, monitor });
    }
    const routes = servers.map((server) => `"nats-route://${host.ip}:${server.route}"`).join(', ');
    const members = servers.map((server) => {
      const folder = join(data, server.name);
      mkdirSync(folder, { recursive: true });
      const file = join(folder, 'nats.conf');
      const cluster = `cluster { name: e2e, listen: "${host.ip}:${server.route}", routes: [${routes}] }\n`;
      writeFileSync(
        file,
        `server_name: ${server.name}\nlisten: "${host.ip}:${server.client}"\nhttp: "${host.ip}:${server.monitor}"\n` +
          `jetstream { store_dir: "${folder}" }\n${count > 1 ? cluster : ''}`,
      );
      return new Process(server.name, ...host.enter(PROGRAM, ['--config', file]));
    });
    const urls = servers.map((server) => `nats://${host.ip}:${server.client}`).join(',');
    const monitors = new Map(servers.map((server) => [server.name, `http://${host.ip}:${server.monitor}/jsz`]));
    const engines = new Engines(members, urls, monitors);
    for (const member of members) member.start();
    await engines.leader();
    const dead = members.find((member) => member.ended);
    if (dead) throw new Error(`${dead.ended}:\n${dead.logTail()}`);
    return engines;
  }

  /** The server that leads the others, once those that are alive agree on one. */
  async leader(): Promise<Process> {
    return until('the engines have a leader', async () => {
      const alive = this.members.filter((member) => member.isAlive);
      const leaders = await Promise.all(alive.map((member) => this.leaderSeenBy(member.name)));
      const [leader] = leaders;
      if (leaders.some((other) => other !== leader)) return undefined;
      return alive.find((member) => member.name === leader);
    });
  }

  /** Whether every stream has a leader that is alive, and all that are alive agree on it: an election is over. */
  async areLed(): Promise<boolean> {
    const alive = this.members.filter((member) => member.isAlive).map((member) => member.name);
    const leaders = new Map<string, Set<string | undefined>>();
    for (const streams of await Promise.all(alive.map((name) => this.streams(name)))) {
      for (const { name, cluster } of streams) {
        leaders.set(name, (leaders.get(name) ?? new Set()).add(cluster?.leader));
      }
    }
    return [...leaders.values()].every(([leader, ...others]) => alive.includes(leader ?? '') && others.length === 0);
  }

  /** Whether, moreover, everything is everywhere: one of them can die, whichever it is. */
  async areLevel(): Promise<boolean> {
    if (this.members.some((member) => !member.isAlive) || !(await this.areLed())) return false;
    const all = await Promise.all(this.members.map(async ({ name }) => ({ name, streams: await this.streams(name) })));
    const led = all.flatMap(({ name, streams }) => streams.filter((stream) => stream.cluster?.leader === name));
    return led.every(({ cluster }) => cluster?.replicas?.every((replica) => replica.current && !replica.offline));
  }

  private async streams(name: string): Promise<Stream[]> {
    const status = await this.status(name, '?accounts=true&streams=true');
    return (status.account_details ?? []).flatMap((account) => account.stream_detail ?? []);
  }

  private async status(name: string, query = ''): Promise<Status> {
    return (await (await fetch(`${this.monitors.get(name)!}${query}`)).json()) as Status;
  }

  private async leaderSeenBy(name: string): Promise<string | undefined> {
    const status = await this.status(name);
    // a server that is alone leads itself, and does not say so
    return this.members.length === 1 ? name : status.meta_cluster?.leader;
  }
}
