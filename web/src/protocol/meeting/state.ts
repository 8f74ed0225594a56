// What a meeting looks like from outside: one value, replaced as a whole whenever anything in it changes.

import { cameraOn, micOn, type Occupant } from "../room/occupant";
import type { RemoteTrack } from "../jingle/peer";

export type Phase =
  | "connecting"
  /** the room asks for a password */
  | "password"
  | "joined"
  /** the socket is lost; the session and the media go on */
  | "reconnecting"
  | "left"
  | "kicked";

export interface Person {
  nick: string;
  jid: string;
  name: string;
  moderator: boolean;
  hand: number;
  mic: boolean;
  camera: boolean;
  /** source names of unmuted screens */
  screens: string[];
}

export interface ChatLine {
  /** of this conversation: lines before it, ever */
  number: number;
  id: string;
  from: string;
  /** as it was when the line came: its author may have left since */
  name: string;
  text: string;
  own: boolean;
  /** the other side of a private line */
  privateWith: string | undefined;
  at: number;
}

export interface MeetingState {
  phase: Phase;
  /** why it ended, or why the password is asked again */
  reason: string;
  self: Person;
  /** the others, in the order of their coming */
  people: Person[];
  tracks: RemoteTrack[];
  /** nick of whom the bridge hears most */
  dominant: string;
  /** nicks that can be heard right now */
  speaking: string[];
  /** 0 to 100 by nick, our own included; missing: unknown */
  quality: Record<string, number>;
  /** nicks whose media the bridge misses */
  silent: string[];
  chat: ChatLine[];
  unread: number;
  subject: string;
  locked: boolean;
  /** ms since the epoch */
  startedAt: number | undefined;
  /** a media connection to the bridge exists and works */
  mediaUp: boolean;
  /** one is expected: there is somebody to meet */
  mediaExpected: boolean;
}

export const nobody = (name: string): Person => ({
  nick: "",
  jid: "",
  name,
  moderator: false,
  hand: 0,
  mic: false,
  camera: false,
  screens: [],
});

export const initialState = (name: string): MeetingState => ({
  phase: "connecting",
  reason: "",
  self: nobody(name),
  people: [],
  tracks: [],
  dominant: "",
  speaking: [],
  quality: {},
  silent: [],
  chat: [],
  unread: 0,
  subject: "",
  locked: false,
  startedAt: undefined,
  mediaUp: false,
  mediaExpected: false,
});

export function personOf(occupant: Occupant): Person {
  const screens = Object.entries(occupant.sources).filter(([, source]) => source.desktop && !source.muted);
  return {
    nick: occupant.nick,
    jid: occupant.jid,
    name: occupant.name,
    moderator: occupant.moderator,
    hand: occupant.hand,
    mic: micOn(occupant),
    camera: cameraOn(occupant),
    screens: screens.map(([name]) => name),
  };
}

/** What to call somebody who gave no name. */
export const displayName = (person: Pick<Person, "name" | "nick">): string => person.name || `Guest ${person.nick.slice(0, 4)}`;

/** A value with listeners. */
export class Store {
  private readonly listeners = new Set<() => void>();

  constructor(public state: MeetingState) {}

  patch(change: Partial<MeetingState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
