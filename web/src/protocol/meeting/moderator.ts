// What a moderator asks of the others, told to the user when it is refused.

import { grant, kick, lock, mute, type MuteKind } from "../room/moderation";
import type { Connection } from "../xmpp/connection";
import type { Person } from "./state";

export interface Reach {
  connection: Connection;
  room: string;
  people: Person[];
}

export class Moderator {
  constructor(
    /** `undefined`: there is no room to act in just now */
    private readonly reach: () => Reach | undefined,
    private readonly complain: (text: string) => void,
  ) {}

  async kick(nick: string): Promise<void> {
    await this.tried("remove this person", ({ connection, room }) => kick(connection, room, nick));
  }

  async mute(nick: string, kind: MuteKind = "audio"): Promise<void> {
    await this.tried("mute this person", ({ connection, room }) => mute(connection, room, nick, kind).catch(ignoreTimeout));
  }

  async grant(nick: string): Promise<void> {
    await this.tried("make this person a moderator", async ({ connection, room, people }) => {
      const jid = people.find((person) => person.nick === nick)?.jid;
      if (jid) await grant(connection, room, jid);
    });
  }

  /** An empty password removes the lock. */
  async lock(password: string): Promise<void> {
    await this.tried("change the password", ({ connection, room }) => lock(connection, room, password));
  }

  private async tried(what: string, act: (reach: Reach) => Promise<void>): Promise<void> {
    const reach = this.reach();
    if (!reach) return;
    await act(reach).catch((error: Error) => this.complain(`You could not ${what}: ${error.message}`));
  }
}

/** COMPAT: stock focuses never answer a mute request. */
function ignoreTimeout(error: { condition?: string }): void {
  if (error.condition !== "timeout") throw error;
}
