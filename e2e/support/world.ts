import { mkdirSync, writeFileSync } from 'node:fs';

import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { Tab, launch } from './browser.ts';
import { OUT } from './out.ts';
import { Person } from './person.ts';
import { Server } from './server.ts';
import { Wire } from './wire.ts';

/** For a whole installation and a browser to come up. */
const START_MS = 120_000;

/** What a scenario runs against. */
export interface Deployment {
  readonly httpPort: number;
  stop(): Promise<void>;
  logTail(): string;
  wholeLog(): string;
}

/** A server, a wire to it and a browser for the tests of a file. After each test: nobody's page was reloaded. */
export class World<D extends Deployment = Server> {
  server!: D;
  wire!: Wire;
  browser!: Browser;
  private tabs: Tab[] = [];

  static forThisFile(flags: string[] = []): World {
    return World.on(() => Server.start(flags));
  }

  static on<D extends Deployment>(start: () => Promise<D>): World<D> {
    const world = new World<D>();
    beforeAll(async () => {
      mkdirSync(OUT, { recursive: true });
      world.server = await start();
      world.wire = await Wire.to(world.server.httpPort);
      world.browser = await launch();
    }, START_MS);
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') await world.keepEvidence(task.name);
      const reloaded = world.tabs.filter((tab) => tab.documents > 1).map((tab) => tab.page.url());
      await world.closeTabs();
      expect(reloaded, 'pages that were reloaded').toEqual([]);
    });
    afterAll(async () => {
      await world.browser?.close();
      world.wire?.close();
      await world.server?.stop();
    });
    return world;
  }

  /** Lets people into a room, one after the other; the first is its moderator. */
  async meeting(room: string, ...names: string[]): Promise<Person[]> {
    const people: Person[] = [];
    for (const name of names) people.push(await this.join(room, name));
    return people;
  }

  /** Follows a link into a room that asks nothing. */
  async join(room: string, name: string): Promise<Person> {
    const person = new Person(name, await this.tab());
    await person.page.goto(`${this.url(room)}#skip-prejoin&name=${encodeURIComponent(name)}`);
    await person.state('joined');
    return person;
  }

  /** By way of the page that asks for a name first. */
  async joinByHand(room: string, name: string): Promise<Person> {
    const person = new Person(name, await this.tab());
    await person.page.goto(this.url(room));
    await person.at('prejoin-name').fill(name);
    await person.press('prejoin-join');
    await person.state('joined');
    return person;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.wire.port}/${path}`;
  }

  /** A tab that is watched for reloads and closed after the test. */
  async tab(): Promise<Tab> {
    const tab = await Tab.open(this.browser);
    this.tabs.push(tab);
    return tab;
  }

  private async closeTabs(): Promise<void> {
    const tabs = this.tabs;
    this.tabs = [];
    for (const tab of tabs) await tab.close();
  }

  private async keepEvidence(test: string): Promise<void> {
    const base = `${OUT}failed-${test.replace(/[^a-z0-9]+/gi, '-')}`;
    writeFileSync(`${base}-server.log`, this.server.wholeLog());
    for (const [index, tab] of this.tabs.entries()) {
      writeFileSync(`${base}-${index}-console.log`, tab.console.join('\n'));
      await tab.page.screenshot({ path: `${base}-${index}.png`, timeout: 5_000 }).catch(() => undefined);
    }
    console.log(`the server's last lines:\n${this.server.logTail()}\nmore in ${base}*`);
  }
}
