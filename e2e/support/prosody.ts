import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './ports.ts';
import { Process, statusOf } from './process.ts';
import { discard, scratch } from './scratch.ts';
import { until } from './wait.ts';

const PROGRAM = process.env['ALTHING_PROSODY'] ?? '/usr/bin/prosody';
const DOMAIN = 'meet.example';

/** Debian's Prosody with what a stock installation asks of it: guests, rooms, WebSockets, streams that can be resumed. */
export class Prosody {
  private constructor(
    readonly process: Process,
    readonly port: number,
    private readonly data: string,
  ) {}

  static async start(): Promise<Prosody> {
    const data = scratch('prosody');
    const port = await freePort();
    const file = join(data, 'prosody.cfg.lua');
    writeFileSync(file, configuration(port, data));
    // a socket for each participant; a soft limit of 1024 is common
    const command = `ulimit -n "$(ulimit -Hn)"; exec ${PROGRAM} -F --config ${file}`;
    const prosody = new Prosody(new Process('prosody', '/bin/sh', ['-c', command]), port, data);
    prosody.process.start();
    await prosody.ready();
    return prosody;
  }

  /** What `althing load` is told to find it. */
  get flags(): string[] {
    const address = `127.0.0.1:${this.port}`;
    const names = ['--domain', DOMAIN, '--muc', `conference.${DOMAIN}`, '--focus', 'none'];
    return ['--url', `http://${address}`, '--websocket', `ws://${address}/xmpp-websocket`, ...names];
  }

  /** It answers: 200 is what its WebSocket says to whoever only looks. */
  ready(): Promise<true> {
    const url = `http://127.0.0.1:${this.port}/xmpp-websocket`;
    return until('prosody answers', async () => (await statusOf(url)) === 200);
  }

  async stop(): Promise<void> {
    await this.process.kill();
    discard(this.data);
  }
}

/** The garbage collector is set as large Jitsi installations set it: as Prosody has it, it takes most of the CPU. */
function configuration(port: number, data: string): string {
  return `
run_as_root = true
data_path = "${data}"
storage = "memory"
gc = { mode = "incremental", threshold = 400, speed = 250, step_size = 13 }
log = { warn = "*console" }
modules_enabled = { "saslauth", "disco", "ping", "smacks", "websocket" }
modules_disabled = { "s2s", "offline" }
interfaces = { "127.0.0.1" }
http_ports = { ${port} }
https_ports = { }
c2s_ports = { }
http_default_host = "${DOMAIN}"
consider_websocket_secure = true
smacks_hibernation_time = 60
VirtualHost "${DOMAIN}"
  authentication = "anonymous"
Component "conference.${DOMAIN}" "muc"
  muc_room_locking = false
  muc_room_default_public_jids = true
`;
}
