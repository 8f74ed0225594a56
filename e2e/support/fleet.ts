import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Target, balance } from './balancer.ts';
import { Engines } from './engines.ts';
import { type Host, LOOPBACK } from './hosts.ts';
import { freePort } from './ports.ts';
import { Process, binary, statusOf } from './process.ts';
import { discard, scratch } from './scratch.ts';
import { Hopeless, until } from './wait.ts';

/** Where the processes run. */
export interface Hosts {
  engines: Host;
  shards: Host[];
  /** routers and bridges */
  others: Host;
}

const EVERYTHING_HERE: Hosts = { engines: LOOPBACK, shards: [LOOPBACK, LOOPBACK, LOOPBACK], others: LOOPBACK };

type Role = 'shard' | 'bridge' | 'router';

/** What `/api/v1/nodes` says of a node. */
export interface Node {
  id: string;
  role: Role;
  state: string;
}

/** A node, and where it answers operators. */
class Member extends Process {
  constructor(
    readonly role: Role,
    readonly host: Host,
    readonly admin: number,
    id: string,
    args: string[],
  ) {
    super(id, ...host.enter(binary(), [role, '--id', id, ...args]));
  }

  async ready(): Promise<boolean> {
    if (this.ended) throw new Hopeless(`${this.ended}:\n${this.logTail()}`);
    return (await statusOf(`http://${this.host.ip}:${this.admin}/readyz`)) === 200;
  }
}

/** For nodes and engines to come up, all at once on two cores. */
const START_MS = 60_000;

/**
 * A whole installation: three engines, three shards, two bridges, two routers and HAProxy before them, each a process of
 * its own that can be killed, frozen and started again.
 */
export class Fleet {
  private balancer: Process | undefined;

  private constructor(
    readonly engines: Engines,
    readonly members: Member[],
    readonly httpPort: number,
    private readonly data: string,
  ) {}

  static async start(hosts: Hosts = EVERYTHING_HERE): Promise<Fleet> {
    const data = scratch('fleet');
    const engines = await Engines.start(3, hosts.engines, data);
    const targets = await Promise.all([1, 2].map((number) => target(`router-${number}`, hosts.others)));
    const members = await nodes(hosts, targets, configuration(data, engines.urls), data);
    const fleet = new Fleet(engines, members, await freePort(), data);
    try {
      await fleet.begin(targets);
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  of(role: Role): Member[] {
    return this.members.filter((member) => member.role === role);
  }

  member(id: string): Member {
    const member = this.members.find((member) => member.name === id);
    if (!member) throw new Error(`there is no ${id}`);
    return member;
  }

  /** The shard that has the meeting. */
  async owner(room: string): Promise<Member> {
    return this.member((await this.meeting(room)).shard);
  }

  /** The bridge that carries the meeting. */
  async bridge(room: string): Promise<Member> {
    return until(`${room} has a bridge`, async () => {
      const [bridge] = (await this.meeting(room)).bridges;
      return bridge ? this.member(bridge) : undefined;
    });
  }

  meeting(room: string): Promise<{ shard: string; bridges: string[] }> {
    return this.admin(`/api/v1/meetings/${room}`);
  }

  /** All meetings, and the shard that has each. */
  meetings(): Promise<{ room: string; shard: string }[]> {
    return this.admin('/api/v1/meetings');
  }

  private async begin(targets: Target[]): Promise<void> {
    for (const member of this.members) member.start();
    await this.ready(this.members);
    this.balancer = await balance(this.httpPort, targets, this.data);
  }

  /** Asks a router that is alive. */
  async admin<T>(path: string): Promise<T> {
    const router = this.of('router').find((router) => router.isAlive);
    if (!router) throw new Error('no router is alive');
    const response = await fetch(`http://${router.host.ip}:${router.admin}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Starts what is dead, and waits until everybody wants work. */
  async restore(): Promise<void> {
    const dead = [...this.engines.members, ...this.members].filter((member) => !member.isAlive);
    for (const member of dead) member.start();
    await this.engines.leader();
    await this.ready(this.members);
  }

  /** Kills everything that can be killed, at once. */
  async killAll(): Promise<void> {
    await Promise.all([...this.members, ...this.engines.members].map((member) => member.kill()));
  }

  async stop(): Promise<void> {
    await this.balancer?.kill();
    await this.killAll();
    discard(this.data);
  }

  logTail(): string {
    return this.all().map((member) => `--- ${member.name}\n${member.logTail()}`).join('\n');
  }

  wholeLog(): string {
    return this.all().map((member) => `--- ${member.name}\n${member.wholeLog()}`).join('\n');
  }

  private all(): Process[] {
    return [...this.engines.members, ...this.members, ...(this.balancer ? [this.balancer] : [])];
  }

  private async ready(members: Member[]): Promise<void> {
    for (const member of members) await until(`${member.name} is ready`, () => member.ready(), START_MS);
  }
}

async function target(name: string, host: Host): Promise<Target> {
  return { name, address: `${host.ip}:${await freePort()}`, admin: await freePort() };
}

/** Three shards, two bridges, and the routers that were planned. */
async function nodes(hosts: Hosts, routers: Target[], config: string, data: string): Promise<Member[]> {
  const { shards, others } = hosts;
  const members: Member[] = [];
  const add = (role: Role, host: Host, name: string, admin: number, more: string[]): void => {
    const common = ['--config', config, '--admin', `${host.ip}:${admin}`];
    members.push(new Member(role, host, admin, name, [...common, ...more]));
  };
  for (const [index, host] of shards.entries()) {
    add('shard', host, `shard-${index + 1}`, await freePort(), ['--http', `${host.ip}:0`, '--xmpp', `${host.ip}:0`]);
  }
  for (const number of [1, 2]) {
    const media = ['--media-port', `${await freePort()}`, '--advertise', '127.0.0.1'];
    add('bridge', others, `bridge-${number}`, await freePort(), ['--http', `${others.ip}:0`, ...media]);
  }
  for (const { name, address, admin } of routers) {
    add('router', others, name, admin, ['--http', address, '--data', join(data, name)]);
  }
  return members;
}

/** What all nodes are told. */
function configuration(data: string, engines: string): string {
  const file = join(data, 'althing.toml');
  const text = `shard-name = "fleet"\n[journal]\nurl = "${engines}"\n[bridge]\npassword = "of the bridges"\n`;
  writeFileSync(file, text);
  return file;
}
