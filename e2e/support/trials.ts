import { expect } from 'vitest';

import { Fleet } from './fleet.ts';
import { flowing, videoGoesOn } from './media.ts';
import { type Person } from './person.ts';
import { World } from './world.ts';

/** A meeting on a fleet that something happens to, judged by what the people in it see. */
export class Trial {
  private constructor(
    private readonly world: World<Fleet>,
    readonly room: string,
    readonly ada: Person,
    readonly ben: Person,
  ) {}

  /** With everybody of the fleet alive: two people who see each other, and a line of chat from before. */
  static async begin(world: World<Fleet>, room: string): Promise<Trial> {
    await world.server.restore();
    const [ada, ben] = await world.meeting(room, 'Ada', 'Ben');
    const trial = new Trial(world, room, ada!, ben!);
    await trial.mediaComeBack();
    await ada!.says('before');
    await ben!.reads(ada!, 'before');
    return trial;
  }

  /** The same streams bring more frames: nobody has touched them. */
  async mediaGoOn(): Promise<void> {
    for (const person of [this.ada, this.ben]) await videoGoesOn(person.page);
  }

  /** Frames of both, on whatever session. */
  async mediaComeBack(patienceMs?: number): Promise<void> {
    for (const person of [this.ada, this.ben]) await flowing(person.page, 'video', 1, patienceMs);
  }

  /** A line that the other reads. */
  async chat(text: string): Promise<void> {
    await this.ada.says(text);
    await this.ben.reads(this.ada, text);
  }

  /** Both are in, the chat is whole, and somebody new gets in and sees both. */
  async goesOn(): Promise<void> {
    for (const person of [this.ada, this.ben]) await person.state('joined');
    await this.ben.says('after');
    await this.ada.reads(this.ben, 'after');
    for (const person of [this.ada, this.ben]) await readsOnce(person, 'before', 'after');
    await this.ada.sees(this.ben);
    await this.ben.sees(this.ada);
    const cleo = await this.world.join(this.room, 'Cleo');
    for (const person of [this.ada, this.ben, cleo]) await flowing(person.page, 'video', 2);
  }
}

/** These lines, each of them once and in this order. */
async function readsOnce(person: Person, ...wanted: string[]): Promise<void> {
  const lines = (await person.chatLines()).map((line) => wanted.find((text) => line.text.includes(text)));
  expect(lines.filter((line) => line !== undefined)).toEqual(wanted);
}
