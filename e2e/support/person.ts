import type { Locator, Page } from 'playwright-core';

import type { Tab } from './browser.ts';
import { until } from './wait.ts';

export type TileKind = 'camera' | 'desktop';

/** Whoever can be seen in a meeting, by the nick of the room (XEP-0045). */
export interface Occupant {
  readonly name: string;
  nick(): Promise<string>;
}

/** Somebody in a meeting, in our own web client, used through what a person sees. */
export class Person implements Occupant {
  constructor(
    readonly name: string,
    readonly tab: Tab,
  ) {}

  get page(): Page {
    return this.tab.page;
  }

  at(id: string): Locator {
    return this.page.getByTestId(id);
  }

  async nick(): Promise<string> {
    const nick = await this.page.locator('[data-testid=tile][data-self=true]').first().getAttribute('data-nick');
    if (!nick) throw new Error(`the own tile of ${this.name} has no data-nick`);
    return nick;
  }

  /** Waits for the meeting's state. */
  async state(wanted: 'joined' | 'reconnecting' | 'left' | 'kicked', patienceMs?: number): Promise<void> {
    await until(
      `${this.name} is ${wanted}`,
      async () => (await this.at('meeting').getAttribute('data-state', { timeout: 1_000 })) === wanted,
      patienceMs,
    );
  }

  async press(id: string): Promise<void> {
    await this.at(id).first().click();
  }

  /** Opens a side panel, unless what stands in it is already there. */
  async open(toolbar: string, inside: string): Promise<void> {
    if (await this.at(inside).first().isVisible()) return;
    await this.press(toolbar);
    await this.at(inside).first().waitFor({ state: 'visible' });
  }

  /** Waits until exactly these others have a camera tile. */
  async sees(...others: Occupant[]): Promise<void> {
    await this.hasTiles('camera', others);
  }

  /** Waits until exactly these others have a screen tile. */
  async seesScreenOf(...others: Occupant[]): Promise<void> {
    await this.hasTiles('desktop', others);
  }

  async tile(of: Occupant, kind: TileKind = 'camera'): Promise<Locator> {
    const nick = await of.nick();
    return this.page.locator(`[data-testid=tile][data-nick="${nick}"][data-kind=${kind}]`).first();
  }

  /** Waits until there is a picture on somebody's tile. */
  async watches(other: Occupant, kind: TileKind = 'camera'): Promise<void> {
    const video = (await this.tile(other, kind)).locator('video').first();
    await until(`${this.name} watches the ${kind} of ${other.name}`, () =>
      video.evaluate((element) => (element as HTMLVideoElement).videoWidth > 16, undefined, { timeout: 1_000 }),
    );
  }

  async says(text: string): Promise<void> {
    await this.open('toolbar-chat', 'chat-input');
    await this.at('chat-input').fill(text);
    await this.press('chat-send');
  }

  /** Waits for a chat line of somebody. */
  async reads(from: Occupant, text: string): Promise<void> {
    await this.open('toolbar-chat', 'chat-input');
    const senders = [from.name, await from.nick()];
    await until(`${this.name} reads "${text}" from ${from.name}`, async () => {
      const lines = await this.chatLines();
      return lines.some((line) => line.text.includes(text) && senders.includes(line.from));
    });
  }

  /** All that stands in the chat. */
  async chatLines(): Promise<{ from: string; text: string }[]> {
    await this.open('toolbar-chat', 'chat-input');
    return this.at('chat-line').evaluateAll((lines) =>
      lines.map((line) => ({ from: line.getAttribute('data-from') ?? '', text: line.textContent ?? '' })),
    );
  }

  /** The entry of somebody in the list of people, which is opened for it. */
  async entry(other: Occupant): Promise<Locator> {
    await this.open('toolbar-people', 'person');
    const entry = this.page.locator(`[data-testid=person][data-nick="${await other.nick()}"]`);
    await entry.waitFor({ state: 'visible' });
    return entry;
  }

  private async hasTiles(kind: TileKind, others: Occupant[]): Promise<void> {
    const wanted = (await Promise.all(others.map((other) => other.nick()))).sort().join(', ');
    const remote = this.page.locator(`[data-testid=tile][data-self=false][data-kind=${kind}]`);
    let seen = '';
    const names = others.map((other) => other.name).join(' and ') || 'nobody';
    await until(`${this.name} has a ${kind} tile of ${names}`, async () => {
      seen = (await remote.evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('data-nick') ?? '')))
        .sort()
        .join(', ');
      return seen === wanted;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; wanted tiles [${wanted}], there were [${seen}]`, { cause: error });
    });
  }
}
