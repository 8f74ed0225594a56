import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PROGRAM } from '../../support/balancer.ts';
import { freePort } from '../../support/ports.ts';
import { Process } from '../../support/process.ts';
import { discard, scratch } from '../../support/scratch.ts';
import { type Usage, usage } from '../../support/usage.ts';
import { node } from './althing.ts';
import { type Kind, Shards, answers } from './shards.ts';

/** For what is not a client's socket: listeners, logs, checks. */
const FILES_SPARE = 500;
/** Clients beside those that are counted. */
const CLIENTS_SPARE = 100;

/** Starts a front on this port before shards on these. */
type Begin = (port: number, shards: number[], data: string) => Promise<Process>;

/** What stands before the shards: it takes each room to the one that has it. */
export class Front {
  private constructor(
    private readonly process: Process,
    readonly port: number,
    private readonly shards: Shards,
    private readonly data: string,
  ) {}

  /** HAProxy as large stock installations have it: a stick table of rooms. */
  static haproxy(kind: Kind, sockets: number): Promise<Front> {
    return Front.start(kind, async (port, shards, data) => {
      const file = join(data, 'haproxy.cfg');
      writeFileSync(file, configuration(port, shards, sockets));
      const command = `ulimit -n ${files(sockets)}; exec ${PROGRAM} -db -f ${file}`;
      const haproxy = new Process('haproxy', '/bin/sh', ['-c', command]);
      haproxy.start();
      return haproxy;
    });
  }

  /** Our router before the same shards. */
  static althing(kind: Kind, sockets: number): Promise<Front> {
    return Front.start(kind, (port, shards, data) => {
      const flags = shards.flatMap((shard, number) => ['--shard', `shard-${number}=http://127.0.0.1:${shard}`]);
      const limits = ['[limits]', `connections = ${sockets + CLIENTS_SPARE}`, `half-open = ${sockets}`];
      return node('router', data, [`http = "127.0.0.1:${port}"`, ...limits], flags);
    });
  }

  private static async start(kind: Kind, begin: Begin): Promise<Front> {
    const data = scratch('peers');
    const shards = await Shards.start(kind, data);
    const port = await freePort();
    const front = new Front(await begin(port, shards.ports, data), port, shards, data);
    await answers(front.process, port);
    return front;
  }

  usage(): Usage {
    return usage(this.process.pid);
  }

  async stop(): Promise<void> {
    await this.process.kill();
    await this.shards.stop();
    discard(this.data);
  }
}

/** Two for each client of a front, its own and the shard's. Throws where the machine allows fewer. */
export function files(sockets: number): number {
  const needed = 2 * sockets + FILES_SPARE;
  const limits = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const allowed = limits?.[1] === 'unlimited' ? Infinity : Number(limits?.[1] ?? 0);
  if (allowed < needed) {
    const why = `${sockets} sockets need ${needed} open files, and a process may have ${allowed} (ulimit -Hn)`;
    throw new Error(`${why}: raise that, or measure with fewer --sockets`);
  }
  return needed;
}

function configuration(port: number, shards: number[], sockets: number): string {
  const servers = shards.map((shard, number) => `  server shard-${number} 127.0.0.1:${shard} check inter 2s`);
  return `
global
  maxconn ${sockets + CLIENTS_SPARE}
defaults
  mode http
  option forwardfor
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend clients
  bind 127.0.0.1:${port}
  default_backend shards
backend shards
  balance roundrobin
  option httpchk GET /about/health
  stick-table type string len 128 size 200k expire 5m
  stick on url_param(room)
${servers.join('\n')}
`;
}
