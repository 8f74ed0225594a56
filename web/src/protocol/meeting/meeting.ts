// One meeting from the first connection to the last goodbye.
//
// The connection may be lost and resumed without anybody noticing; when the session itself is gone the meeting joins
// again by itself, with a new nick and a new media session, and never reloads the page.

import type { Config } from "../config";
import { roomInfo } from "../disco";
import { Emitter } from "../emitter";
import { nickFor } from "../jid";
import type { LocalTracks, PeerMaker } from "../jingle/peer";
import { REJOIN_DISTANCE, REJOIN_RETRY } from "../limits";
import * as ns from "../ns";
import { readable } from "../place";
import { requestConference } from "../room/conference-request";
import { readMute, type MuteKind } from "../room/moderation";
import type { Self } from "../room/own-presence";
import type { Refusal } from "../room/refusal";
import { Room } from "../room/room";
import type { Slot } from "../sdp/remote";
import { xml, type Element } from "../xml";
import { Connection } from "../xmpp/connection";
import type { SocketMaker } from "../xmpp/stream";
import { Chat } from "./chat";
import { Media } from "./media";
import { Moderator } from "./moderator";
import { followPeople } from "./people";
import { answerRequest } from "./requests";
import { displayName, initialState, personOf, Store, type MeetingState } from "./state";

export interface MeetingOptions {
  config: Config;
  room: string;
  token: string | undefined;
  name: string;
  /** a stable random name of this browser, for the focus */
  machineUid: string;
  simulcast: boolean;
  parser: DOMParser;
  makeSocket: SocketMaker;
  makePeer: PeerMaker;
}

export interface MeetingEvents {
  /** something to tell the user in one line */
  notice: { text: string; urgent: boolean };
  /** somebody else turned a track of ours off; its owner should let the device go */
  mutedBy: { kind: MuteKind; actor: string };
}

const KIND: Record<MuteKind, Slot> = { audio: "a0", video: "v0", desktop: "v1" };
const TRIES_MAX = 3;
const AWAY = "The connection was away for too long.";

export class Meeting extends Emitter<MeetingEvents> {
  private readonly store: Store;
  private readonly chat: Chat;
  private readonly connection: Connection;
  private readonly tracks: LocalTracks = { a0: null, v0: null, v1: null };
  private room: Room | undefined;
  private media: Media | undefined;
  private password: string | undefined;
  private tries = 0;
  private wanted: [Record<string, number>, string[]] = [{}, []];
  private joinedBefore = false;
  private rejoinedAt = -Infinity;
  /** why we join again, if we do */
  private cause = AWAY;
  private sharedBefore = false;

  constructor(private readonly options: MeetingOptions) {
    super();
    this.store = new Store(initialState(options.name));
    this.chat = new Chat(this.store);
    const url = new URL(options.config.websocket);
    url.searchParams.set("room", readable(options.room));
    if (options.token) url.searchParams.set("token", options.token);
    const { parser, makeSocket, config } = options;
    this.connection = new Connection({ url: url.href, domain: config.domain, parser, makeSocket });
    this.connection.on("online", ({ jid }) => void this.enter(jid));
    this.connection.on("lost", () => this.phase("reconnecting"));
    this.connection.on("resumed", () => this.phase(this.room?.joined ? "joined" : "connecting"));
    this.connection.on("closed", ({ reason }) => this.end("left", reason));
    this.connection.on("stanza", (stanza) => this.stanza(stanza));
  }

  get state(): MeetingState {
    return this.store.state;
  }

  subscribe(listener: () => void): () => void {
    return this.store.subscribe(listener);
  }

  start(): void {
    this.connection.connect();
  }

  /** The network is said to be back. */
  hurry(): void {
    this.connection.hurry();
  }

  leave(): void {
    this.media?.close(true);
    this.room?.leave();
    this.end("left", "");
  }

  submitPassword(password: string): void {
    this.password = password;
    this.phase("connecting");
    this.room?.join(password);
  }

  /** `null` is muted. The screen becomes a source of its own when it gets its first track. */
  async setTrack(slot: Slot, track: MediaStreamTrack | null): Promise<void> {
    if (this.tracks[slot] === track) return;
    this.tracks[slot] = track;
    const refreshed = this.media?.refreshTracks();
    this.announce();
    await refreshed;
    if (slot === "v1" && track) await this.media?.session.addScreen();
  }

  rename(name: string): void {
    this.store.patch({ self: { ...this.state.self, name } });
    this.announce();
  }

  raiseHand(up: boolean): void {
    this.store.patch({ self: { ...this.state.self, hand: up ? Date.now() : 0 } });
    this.announce();
  }

  say(text: string, to?: string): void {
    if (!this.room || text.trim() === "") return;
    const id = this.room.say(text, to);
    if (to !== undefined) this.chat.sentPrivately(id, to, text);
  }

  showChat(visible: boolean): void {
    this.chat.show(visible);
  }

  setSubject(subject: string): void {
    this.room?.rename(subject);
  }

  /** Lines wanted by source name; what is not named is hidden. */
  want(heights: Record<string, number>, onStage: string[]): void {
    this.wanted = [heights, onStage];
    this.media?.want(heights, onStage);
  }

  /** What a moderator may do; each tells the user when it is refused. */
  readonly moderator = new Moderator(
    () => (this.room ? { connection: this.connection, room: this.room.jid, people: this.state.people } : undefined),
    (text) => this.notice(text, true),
  );

  // --- the way in ---

  private async enter(jid: string): Promise<void> {
    const { config } = this.options;
    const room = new Room(this.connection, `${this.options.room}@${config.muc}`, nickFor(jid), this.presence(nickFor(jid)));
    this.media?.close(false);
    this.room = room;
    this.media = this.makeMedia(room);
    this.media.want(...this.wanted);
    this.tries = 0;
    this.store.patch({ people: [], self: { ...this.state.self, nick: room.nick, jid, moderator: false } });
    this.phase("connecting");
    this.listen(room);
    if (await this.callFocus(room)) room.join(this.password);
  }

  /** Asks the focus into the room. `false`: the room is not ours any more, or the meeting is over. */
  private async callFocus(room: Room): Promise<boolean> {
    const { config, machineUid } = this.options;
    const gone = () => room !== this.room || this.over;
    try {
      room.focusJid = await requestConference(this.connection, config.focus, room.jid, machineUid, gone);
      return !gone();
    } catch (error) {
      if (!gone() && (error as { condition?: string }).condition !== "session-lost") {
        this.end("left", `The meeting could not be opened: ${(error as Error).message}`);
      }
      return false;
    }
  }

  /** A stock focus that restarts leaves the room: its sessions are void, and it comes back when it is asked. */
  private async focusLeft(room: Room): Promise<void> {
    this.media?.session.stop();
    this.notice("The server is restarting. Sound and pictures will be back in a moment.", true);
    await this.callFocus(room);
  }

  /** The focus invites nobody again whom it has given up, but it does invite whoever comes in: so we go and come in. */
  private rejoin(room: Room, pause = Math.max(0, this.rejoinedAt + REJOIN_DISTANCE - Date.now())): void {
    setTimeout(() => {
      if (room !== this.room || this.over) return;
      if (!this.connection.online) return this.rejoin(room, REJOIN_RETRY);
      this.rejoinedAt = Date.now();
      this.cause = "Sound and pictures were lost.";
      room.leave();
      void this.enter(this.connection.jid);
    }, pause);
  }

  private makeMedia(room: Room): Media {
    const { config, simulcast, makePeer, makeSocket } = this.options;
    const { connection, tracks } = this;
    const { channelLastN: lastN, preferSctp } = config;
    const options = { connection, room: room.jid, nick: room.nick, tracks, lastN, preferSctp, simulcast, makePeer, makeSocket };
    return new Media(options, this.store, {
      startMuted: ({ audio, video }) => {
        if (this.joinedBefore) return;
        if (audio) this.turnedOff("audio", "");
        if (video) this.turnedOff("video", "");
      },
      rejected: (slot, reason) => {
        this.notice(`This could not be shared: ${reason}`, true);
        if (slot === "v1") this.turnedOff("desktop", "");
      },
      lost: () => this.rejoin(room),
    });
  }

  private listen(room: Room): void {
    room.on("joined", () => this.joined(room));
    room.on("refused", (refusal) => this.refused(room, refusal));
    room.on("self", (self) => this.ownPresence(personOf(self).moderator));
    followPeople(room, this.store, {
      came: (name) => room.joined && this.notice(`${name} joined`),
      left: (nick, name) => {
        this.media?.occupantLeft(nick);
        this.notice(`${name} left`);
      },
    });
    room.on("focus", (present) => present || void this.focusLeft(room));
    room.on("kicked", ({ self, by, reason }) => {
      if (self) this.end("kicked", reason || `${this.nameOf(by)} removed you from the meeting.`);
    });
    room.on("destroyed", (reason) => this.end("left", reason || "The meeting has ended."));
    room.on("chat", (message) => this.chat.received(message));
    room.on("subject", (subject) => this.store.patch({ subject }));
    room.on("reconfigured", () => void this.askRoom(room));
  }

  private joined(room: Room): void {
    if (this.joinedBefore) this.notice(`${this.cause} You have joined again.`, true);
    this.joinedBefore = true;
    this.cause = AWAY;
    this.phase("joined");
    this.announce();
    void this.askRoom(room);
  }

  private refused(room: Room, refusal: Refusal): void {
    this.tries += 1;
    if (refusal.kind === "password") {
      const again = this.password !== undefined;
      this.store.patch({ phase: "password", reason: again ? "That was not the password." : "" });
    } else if (refusal.kind === "try-again" && this.tries <= TRIES_MAX) {
      setTimeout(() => room === this.room && !room.joined && room.join(this.password), 1000 * this.tries);
    } else {
      this.end("left", refusal.kind === "final" ? refusal.text : "The meeting refused to let you in.");
    }
  }

  private async askRoom(room: Room): Promise<void> {
    try {
      const answer = await this.connection.request("get", room.jid, xml("query", { xmlns: ns.DISCO_INFO }));
      const { locked, createdAt } = roomInfo(answer);
      this.store.patch({ locked, startedAt: createdAt });
    } catch {
      // It only decorates the page; the next change asks again.
    }
  }

  // --- what comes in ---

  private stanza(stanza: Element): void {
    if (this.room?.handle(stanza)) return;
    if (stanza.name !== "iq") return;
    if (this.media?.session.handle(stanza)) return;
    const mute = stanza.attrs["from"] === `${this.room?.jid}/focus` ? readMute(stanza) : undefined;
    if (!mute) return answerRequest(this.connection, stanza);
    this.connection.answer(stanza);
    this.turnedOff(mute.kind, mute.actor);
  }

  private turnedOff(kind: MuteKind, actor: string): void {
    if (!this.tracks[KIND[kind]]) return;
    void this.setTrack(KIND[kind], null);
    const by = actor === "" ? "" : this.nameOf(actor.slice(actor.indexOf("/") + 1));
    this.emit("mutedBy", { kind, actor: by });
  }

  // --- what goes out ---

  private presence(nick: string): Self {
    const { name, hand } = this.state.self;
    const sources: Self["sources"] = {
      [`${nick}-a0`]: { muted: !this.tracks.a0, desktop: false },
      [`${nick}-v0`]: { muted: !this.tracks.v0, desktop: false },
    };
    if (this.tracks.v1) this.sharedBefore = true;
    if (this.sharedBefore) sources[`${nick}-v1`] = { muted: !this.tracks.v1, desktop: true };
    return { name, hand, sources };
  }

  private announce(): void {
    const { a0, v0, v1 } = this.tracks;
    const { self } = this.state;
    const screens = v1 ? [`${self.nick}-v1`] : [];
    this.store.patch({ self: { ...self, mic: a0 !== null, camera: v0 !== null, screens } });
    if (this.room) this.room.update(this.presence(this.room.nick));
  }

  private ownPresence(moderator: boolean): void {
    const { self } = this.state;
    if (moderator && !self.moderator && this.room?.joined) this.notice("You are a moderator of this meeting.");
    this.store.patch({ self: { ...self, moderator } });
  }

  private get over(): boolean {
    return this.state.phase === "left" || this.state.phase === "kicked";
  }

  private end(phase: "left" | "kicked", reason: string): void {
    if (this.over) return;
    this.media?.close(false);
    this.store.patch({ phase, reason: reason === "left" ? "" : reason, tracks: [] });
    this.connection.close();
  }

  private phase(phase: MeetingState["phase"]): void {
    if (this.over) return;
    this.store.patch({ phase });
  }

  private notice(text: string, urgent = false): void {
    this.emit("notice", { text, urgent });
  }

  private nameOf(nick: string): string {
    const person = this.state.people.find((one) => one.nick === nick);
    return person ? displayName(person) : "A moderator";
  }
}
