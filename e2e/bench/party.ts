import type { Browser } from 'playwright-core';

import { Tab } from '../support/browser.ts';
import type { Fleet } from '../support/fleet.ts';
import { flowing } from '../support/media.ts';
import { Person } from '../support/person.ts';

/** Two people in a room of a fleet where nobody is dead. */
export class Party {
  private constructor(
    readonly room: string,
    readonly people: [Person, Person],
  ) {}

  static async begin(fleet: Fleet, browser: Browser, room: string): Promise<Party> {
    await fleet.restore();
    const enter = async (name: string): Promise<Person> => {
      const person = new Person(name, await Tab.open(browser));
      await person.page.goto(`http://127.0.0.1:${fleet.httpPort}/${room}#skip-prejoin&name=${name}`);
      await person.state('joined', 60_000);
      return person;
    };
    const party = new Party(room, [await enter('Ada'), await enter('Ben')]);
    await party.mediaFlow();
    return party;
  }

  async mediaFlow(): Promise<void> {
    for (const person of this.people) await flowing(person.page, 'video', 1, 60_000);
  }

  get reloads(): number {
    return this.people.reduce((total, person) => total + person.tab.documents - 1, 0);
  }

  async end(): Promise<void> {
    for (const person of this.people) await person.tab.close();
  }
}
