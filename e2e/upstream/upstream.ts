import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Page } from 'playwright-core';

import type { Tab } from '../support/browser.ts';
import type { Occupant } from '../support/person.ts';
import { Hopeless, until } from '../support/wait.ts';
import type { Deployment, World } from '../support/world.ts';

/** Keys of config.js that a scenario sets otherwise, as an operator might. */
export interface Overrides {
  p2p?: { enabled: boolean; stunServers?: [] };
  flags?: { ssrcRewritingEnabled: boolean };
  bridgeChannel?: { preferSctp: boolean };
}

/** Two of them talk directly, without a STUN server. */
export const P2P: Overrides = { p2p: { enabled: true, stunServers: [] } };

/** The part of window.client (page.js) that is read from outside. */
interface Client {
  state: string;
  nick: string;
  errors: string[];
  messages: { from: string; text: string }[];
  privateMessages: { from: string; text: string }[];
  users: string[];
  p2p: boolean;
  resumed: number;
}

/** A participant in the upstream library, unmodified, behind a page of a few lines. */
export class Upstream implements Occupant {
  private constructor(
    readonly name: string,
    readonly tab: Tab,
  ) {}

  static async join(world: World<Deployment>, room: string, name: string, overrides: Overrides = {}): Promise<Upstream> {
    const upstream = new Upstream(name, await world.tab());
    await serve(upstream.page);
    await upstream.page.goto(world.url('e2e/page.html'));
    await upstream.page.evaluate(
      ([where, who, what]) => {
        const page = window as unknown as { join(room: string, name: string, overrides: Overrides): void };
        page.join(where, who, what);
      },
      [room, name, overrides] as const,
    );
    await upstream.is('joined');
    return upstream;
  }

  get page(): Page {
    return this.tab.page;
  }

  async nick(): Promise<string> {
    return (await this.client()).nick;
  }

  async is(state: 'joined' | 'kicked'): Promise<void> {
    await until(`${this.name} is ${state}`, async () => {
      const client = await this.client();
      if (client.errors.length > 0) throw new Hopeless(client.errors.join('; '));
      return client.state === state;
    });
  }

  /** Waits until its media go directly to the other client, or to the bridge again. */
  async isDirect(direct: boolean): Promise<void> {
    await until(`${this.name} is ${direct ? 'in' : 'out of'} a direct session`, async () => (await this.client()).p2p === direct);
  }

  /** Waits until the room has exactly these others. */
  async sees(...others: Occupant[]): Promise<void> {
    const wanted = (await Promise.all(others.map((other) => other.nick()))).sort().join();
    await until(`${this.name} sees ${wanted}`, async () => (await this.client()).users.sort().join() === wanted);
  }

  /** As soon as it is connected: the library takes no line while its connection is away. */
  async says(text: string): Promise<void> {
    const say = (line: string): boolean => {
      const { conference } = (window as unknown as { client: { conference: { sendMessage(text: string): void } } }).client;
      try {
        conference.sendMessage(line);
        return true;
      } catch (error) {
        if (!String(error).includes('Not connected')) throw error;
        return false;
      }
    };
    await until(`${this.name} is connected and says "${text}"`, () => this.page.evaluate(say, text));
  }

  async reads(from: Occupant, text: string): Promise<void> {
    const nick = await from.nick();
    await until(`${this.name} reads "${text}"`, async () =>
      (await this.client()).messages.some((line) => line.from === nick && line.text === text),
    );
  }

  async kicks(other: Occupant): Promise<void> {
    await this.conference('kickParticipant', await other.nick(), 'enough');
  }

  async mutes(other: Occupant): Promise<void> {
    await this.conference('muteParticipant', await other.nick(), 'audio');
  }

  async leaves(): Promise<void> {
    await this.conference('leave');
  }

  /** Mutes or unmutes the own microphone or camera. */
  async sends(type: 'audio' | 'video', on: boolean): Promise<void> {
    await this.page.evaluate(
      ([kind, wanted]) => {
        type Track = { mute(): Promise<void>; unmute(): Promise<void> };
        const { local } = (window as unknown as { client: { local: Record<string, Track> } }).client;
        return wanted ? local[kind]!.unmute() : local[kind]!.mute();
      },
      [type, on] as const,
    );
  }

  client(): Promise<Client> {
    return this.page.evaluate(() => {
      const { state, nick, errors, messages, privateMessages, users, p2p, resumed } = (
        window as unknown as { client: Client }
      ).client;
      return { state, nick, errors, messages, privateMessages, users: [...users], p2p, resumed };
    });
  }

  private async conference(method: string, ...args: string[]): Promise<void> {
    await this.page.evaluate(
      ([name, values]) => {
        type Conference = Record<string, (...values: string[]) => unknown>;
        const { conference } = (window as unknown as { client: { conference: Conference } }).client;
        return Promise.resolve(conference[name]!(...values)).then(() => undefined);
      },
      [method, args] as const,
    );
  }
}

/** Puts the page and the library under the server's own origin, where the stock application lives. */
async function serve(page: Page): Promise<void> {
  const library = process.env['ALTHING_UPSTREAM'];
  if (!library) throw new Error('ALTHING_UPSTREAM names no lib-jitsi-meet.min.js');
  const file = (name: string): string => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
  const script = { contentType: 'text/javascript' };
  await page.route('**/e2e/page.html', (route) => route.fulfill({ contentType: 'text/html', body: file('page.html') }));
  await page.route('**/e2e/page.js', (route) => route.fulfill({ ...script, body: file('page.js') }));
  await page.route('**/e2e/lib-jitsi-meet.min.js', (route) => route.fulfill({ ...script, path: library }));
  await page.route('**/*.map', (route) => route.abort());
}
