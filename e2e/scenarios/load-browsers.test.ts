import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Run, runLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { Server } from '../support/server.ts';

/** Two browsers start, and two people more come. */
const RUN_MS = 180_000;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server?.stop());

/** One room with two browsers in it, for so long. */
function run(seconds: number, ...more: string[]): Promise<Run> {
  const url = `http://127.0.0.1:${server.httpPort}`;
  const size = ['--participants', '4', '--browsers', '2', '--video', '180', '--duration', `${seconds}s`];
  return runLoad(['--url', url, ...size, ...more]);
}

function profiles(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('althing-browser-'));
}

test(
  'browsers of a load see each other and the simulated ones',
  async () => {
    const before = profiles();
    const { code, log, loaded } = await run(10, '--fail-if', 'browsers.failed>0', '--fail-if', 'browsers.frames<100');
    expect(code, log).toBe(0);
    const figures = loaded!.figures;
    expect(figures['joined'], log).toBe(4);
    expect(figures['browsers.present'], log).toBe(2);
    expect(figures['browsers.reloads'], log).toBe(0);
    // each sees the other one, and two grey pictures
    expect(figures['browsers.streams'], log).toBe(6);
    expect(figures['browsers.blind'], log).toBe(0);
    expect(figures['browsers.first_frame.max'], log).toBeGreaterThan(0);
    expect(loaded!.browsers.map((browser) => browser.room)).toEqual(['load-1', 'load-1']);
    for (const browser of loaded!.browsers) {
      expect(browser.frames, log).toBeGreaterThan(50);
      expect(browser.first_frame!, log).toBeGreaterThan(browser.join! - 1);
    }
    expect(profiles(), 'profiles that were left').toEqual(before);
  },
  RUN_MS,
);

test(
  'a threshold on what browsers see fails a run',
  async () => {
    const { code, log } = await run(3, '--fail-if', 'browsers.fps<1000');
    expect(code, log).toBe(1);
    expect(log).toContain('the run fails: browsers.fps<1000');
  },
  RUN_MS,
);

test(
  'a browser whose page is not there is a failure with its cause',
  async () => {
    const nowhere = ['--url', `http://127.0.0.1:${await freePort()}`, '--domain', 'meet.internal'];
    const there = ['--websocket', `ws://127.0.0.1:${server.httpPort}/xmpp-websocket`, '--focus', 'none'];
    const size = ['--participants', '2', '--browsers', '1', '--media', 'none', '--duration', '3s'];
    const { code, log, loaded } = await runLoad([...nowhere, ...there, ...size]);
    expect(code, log).toBe(0);
    expect(loaded!.figures['joined'], log).toBe(1);
    expect(loaded!.figures['browsers.failed'], log).toBe(1);
    expect(log).toContain('a browser could not load its page: net::ERR_CONNECTION_REFUSED');
  },
  RUN_MS,
);
