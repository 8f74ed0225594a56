import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Engines } from '../../support/engines.ts';
import { LOOPBACK } from '../../support/hosts.ts';
import { freePort } from '../../support/ports.ts';
import { Process, binary, statusOf } from '../../support/process.ts';
import { discard, scratch } from '../../support/scratch.ts';
import { Hopeless, until } from '../../support/wait.ts';

/** A node of ours with a configuration of its own, ready when this returns. */
export async function node(
  role: 'router' | 'shard' | 'bridge',
  data: string,
  keys: string[],
  flags: string[] = [],
): Promise<Process> {
  const admin = await freePort();
  const file = join(data, `${role}.toml`);
  writeFileSync(file, ['shard-name = "peers"', 'log-level = "warn"', ...keys, ''].join('\n'));
  const started = new Process(role, binary(), [role, '--config', file, '--admin', `127.0.0.1:${admin}`, ...flags]);
  started.start();
  await until(`the ${role} is ready`, async () => {
    if (started.ended) throw new Hopeless(`${started.ended}:\n${started.logTail()}`);
    return (await statusOf(`http://127.0.0.1:${admin}/readyz`)) === 200;
  });
  return started;
}

/**
 * Router, shard and engine. Without a bridge the focus has nowhere to invite anybody to, so this is signalling alone; with
 * one, media go to an address of this machine.
 */
export class Signalling {
  private constructor(
    /** all that is needed for it, the engine included */
    readonly processes: Process[],
    private readonly port: number,
    private readonly data: string,
    readonly bridge: Process | undefined,
  ) {}

  static async start(mediaAddress?: string): Promise<Signalling> {
    const data = scratch('peers');
    const engines = await Engines.start(1, LOOPBACK, data);
    const port = await freePort();
    const common = ['[bridge]', 'password = "peers"', '[journal]', `url = "${engines.urls}"`];
    const shard = await node('shard', data, common);
    const router = await node('router', data, [`http = "127.0.0.1:${port}"`, ...common]);
    const url = `http://127.0.0.1:${port}/config.js`;
    await until('the router finds the shard', async () => (await statusOf(url)) === 200);
    const media = ['--media-port', `${await freePort()}`, '--advertise', mediaAddress ?? ''];
    const bridge = mediaAddress ? await node('bridge', data, common, media) : undefined;
    return new Signalling([...engines.members, shard, router, ...(bridge ? [bridge] : [])], port, data, bridge);
  }

  /** What `althing load` is told to find it. */
  get flags(): string[] {
    return ['--url', `http://127.0.0.1:${this.port}`, ...(this.bridge ? [] : ['--focus', 'none'])];
  }

  async stop(): Promise<void> {
    for (const process of this.processes) await process.kill();
    discard(this.data);
  }
}
