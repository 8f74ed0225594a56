import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

import { freePort } from './ports.ts';
import { Process, statusOf } from './process.ts';
import { discard, scratch } from './scratch.ts';
import { Hopeless, until } from './wait.ts';

const PROGRAM = process.env['ALTHING_JANUS'] ?? '/usr/bin/janus';
/** Debian's place, one for each architecture. */
const LIBRARIES = '/usr/lib';
/** All that is loaded: the API over WebSocket, and rooms. */
const MODULES = { transports: 'libjanus_websockets.so', plugins: 'libjanus_videoroom.so' };

/** Debian's Janus with nothing but its VideoRoom, as it comes otherwise. */
export class Janus {
  private constructor(
    readonly process: Process,
    readonly url: string,
    private readonly data: string,
  ) {}

  static async start(): Promise<Janus> {
    const data = scratch('janus');
    const port = await freePort();
    configure(data, port);
    // two sockets for each participant; a soft limit of 1024 is common
    const command = `ulimit -n "$(ulimit -Hn)"; exec ${PROGRAM} --disable-colors --configs-folder=${data} --config=${data}/janus.jcfg`;
    const janus = new Janus(new Process('janus', '/bin/sh', ['-c', command]), `ws://127.0.0.1:${port}`, data);
    janus.process.start();
    await until('janus answers', async () => {
      const { ended } = janus.process;
      if (ended) throw new Hopeless(`${ended}:\n${janus.process.logTail()}`);
      // whatever it says to somebody who speaks plain HTTP
      return (await statusOf(`http://127.0.0.1:${port}/`)) !== 0;
    });
    return janus;
  }

  async stop(): Promise<void> {
    await this.process.kill();
    discard(this.data);
  }
}

/**
 * An IPv4 address of this machine that is not of its loopback interface, which Janus never takes for media. What is sent
 * to it stays inside the machine and takes the loopback path all the same.
 */
export function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!own) throw new Error('this machine has no IPv4 address beside 127.0.0.1, and Janus needs one: give any interface one');
  return own.address;
}

function configure(data: string, port: number): void {
  const home = modules();
  const folders = ['transports', 'plugins', 'events', 'loggers'];
  for (const folder of folders) mkdirSync(join(data, folder));
  for (const [folder, module] of Object.entries(MODULES)) {
    symlinkSync(join(home, folder, module), join(data, folder, module));
  }
  const write = (name: string, lines: string[]): void => writeFileSync(join(data, name), [...lines, ''].join('\n'));
  write('janus.jcfg', [
    'general: {',
    `  configs_folder = "${data}"`,
    ...folders.map((folder) => `  ${folder}_folder = "${join(data, folder)}"`),
    // errors
    '  debug_level = 2',
    '}',
    `nat: { ice_enforce_list = "${ownAddress()}" }`,
  ]);
  write('janus.transport.websockets.jcfg', [
    `general: { json = "compact", ws = true, ws_port = ${port}, ws_ip = "127.0.0.1", wss = false }`,
    'admin: { admin_ws = false, admin_wss = false }',
  ]);
  write('janus.plugin.videoroom.jcfg', ['general: { events = false }']);
}

/** The folder of Debian's modules. */
function modules(): string {
  const homes = readdirSync(LIBRARIES).map((name) => join(LIBRARIES, name, 'janus'));
  const home = homes.find((home) => Object.entries(MODULES).every(([kind, module]) => has(join(home, kind), module)));
  if (!home) throw new Error(`no ${Object.values(MODULES).join(' and ')} in ${LIBRARIES}/*/janus: install Debian's package janus`);
  return home;
}

function has(folder: string, name: string): boolean {
  try {
    return readdirSync(folder).includes(name);
  } catch {
    return false;
  }
}
