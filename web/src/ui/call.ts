// A meeting together with our devices and what the page shows of it: what the components talk to.

import { Devices } from "../media/devices";
import { machineUid, recall, remember, rememberRoom } from "../media/preferences";
import type { Config } from "../protocol/config";
import { Meeting } from "../protocol/meeting/meeting";
import { initialState, type MeetingState } from "../protocol/meeting/state";
import type { Place } from "../protocol/place";
import { tiles } from "./tiles";

export type Panel = "chat" | "people" | undefined;
export type DialogName = "meeting" | "settings" | "help" | undefined;
export interface Notice {
  id: number;
  text: string;
  urgent: boolean;
}

const NOTICES_MAX = 3;
const NOTICE_FOR = 5000;
const URGENT_NOTICE_FOR = 10_000;

export class Call {
  readonly devices: Devices;
  meeting: Meeting | undefined;
  name: string;
  notices: Notice[] = [];
  panel: Panel;
  dialog: DialogName;
  /** `undefined`: the stage while a screen is shared or somebody is pinned, else the grid */
  layout: "grid" | "stage" | undefined;
  /** key of the tile that the user put on the stage */
  pinned = "";
  /** who a chat line goes to; empty: everybody */
  chatTo = "";
  /** the browser wants a click before it plays sound */
  soundBlocked = false;
  private readonly idle: MeetingState;
  private readonly listeners = new Set<() => void>();
  private lastNotice = 0;
  private screens = 0;
  private scheduled = false;

  constructor(
    private readonly config: Config,
    readonly place: Place,
  ) {
    this.name = place.name ?? recall("name") ?? "";
    this.idle = initialState(this.name);
    this.devices = new Devices(() => this.devicesChanged());
    addEventListener("online", () => this.meeting?.hurry());
    addEventListener("pagehide", () => this.meeting?.leave());
  }

  get state(): MeetingState {
    return this.meeting?.state ?? this.idle;
  }

  get address(): string {
    const { tenant, room } = this.place;
    return tenant ? `${tenant}/${room}` : room;
  }

  get link(): string {
    return `${location.origin}/${this.address}`;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Changes something of the page alone. */
  set(change: Partial<Pick<Call, "panel" | "dialog" | "layout" | "pinned" | "chatTo" | "soundBlocked">>): void {
    Object.assign(this, change);
    if ("panel" in change) this.meeting?.showChat(this.panel === "chat");
    this.changed();
  }

  rename(name: string): void {
    this.name = name.trim().slice(0, 60);
    remember("name", this.name);
    this.meeting?.rename(this.name);
    this.changed();
  }

  /** Opens what was in use last time. */
  async openDevices(): Promise<void> {
    await this.devices.open({ mic: recall("mic") !== "off", camera: recall("camera") !== "off" });
  }

  join(): void {
    rememberRoom(this.address);
    this.notices = [];
    this.pinned = "";
    const meeting = new Meeting({
      config: this.config,
      room: this.place.room,
      token: this.place.token,
      name: this.name,
      machineUid: machineUid(),
      // Firefox takes no SIM groups from a rewritten answer: it sends one layer.
      simulcast: !/firefox/i.test(navigator.userAgent),
      parser: new DOMParser(),
      makeSocket: (url, protocol) => (protocol ? new WebSocket(url, protocol) : new WebSocket(url)),
      makePeer: () => new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" }),
    });
    this.meeting = meeting;
    meeting.on("notice", ({ text, urgent }) => this.notify(text, urgent));
    meeting.on("mutedBy", ({ kind, actor }) => {
      const what = { audio: "muted your microphone", video: "turned your camera off", desktop: "stopped your screen share" }[kind];
      this.notify(`${actor || "The meeting"} ${what}.`, true);
      if (kind === "audio") this.devices.closeMic();
      else if (kind === "video") this.devices.closeCamera();
      else this.devices.closeScreen();
    });
    const unsubscribe = meeting.subscribe(() => {
      this.makeRoomForScreens();
      this.changed();
      if (!["left", "kicked"].includes(meeting.state.phase)) return;
      unsubscribe();
      this.letDevicesGo();
    });
    this.devicesChanged();
    meeting.start();
  }

  async toggleMic(): Promise<void> {
    remember("mic", this.devices.mic ? "off" : "on");
    if (this.devices.mic) return this.devices.closeMic();
    await this.devices.open({ mic: true, camera: false });
    this.tellProblem();
  }

  async toggleCamera(): Promise<void> {
    remember("camera", this.devices.camera ? "off" : "on");
    if (this.devices.camera) return this.devices.closeCamera();
    await this.devices.open({ mic: false, camera: true });
    this.tellProblem();
  }

  async toggleShare(): Promise<void> {
    if (this.devices.screen) return this.devices.closeScreen();
    if (Devices.canShare) await this.devices.openScreen();
  }

  toggleHand(): void {
    this.meeting?.raiseHand(this.state.self.hand === 0);
  }

  toggleLayout(): void {
    this.set({ layout: this.effectiveLayout === "grid" ? "stage" : "grid", pinned: "" });
  }

  togglePanel(panel: Panel): void {
    this.set({ panel: this.panel === panel ? undefined : panel });
  }

  get effectiveLayout(): "grid" | "stage" {
    if (tiles(this.state, this.devices).some((tile) => tile.key === this.pinned)) return "stage";
    if (this.layout) return this.layout;
    return this.state.people.some((person) => person.screens.length > 0) ? "stage" : "grid";
  }

  notify(text: string, urgent = false): void {
    const id = ++this.lastNotice;
    this.notices = [...this.notices, { id, text, urgent }].slice(-NOTICES_MAX);
    setTimeout(() => this.dismiss(id), urgent ? URGENT_NOTICE_FOR : NOTICE_FOR);
    this.changed();
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
    this.changed();
  }

  tellProblem(): void {
    if (this.devices.problem !== "") this.notify(this.devices.problem, true);
  }

  /** The first screen that somebody shares goes onto the stage, whatever was chosen before. */
  private makeRoomForScreens(): void {
    const screens = this.state.people.reduce((sum, person) => sum + person.screens.length, 0);
    if (screens > 0 && this.screens === 0) this.layout = undefined;
    this.screens = screens;
  }

  private devicesChanged(): void {
    const { mic, camera, screen } = this.devices ?? {};
    void this.meeting?.setTrack("a0", mic ?? null);
    void this.meeting?.setTrack("v0", camera ?? null);
    void this.meeting?.setTrack("v1", screen ?? null);
    this.changed();
  }

  private letDevicesGo(): void {
    if (this.devices.mic) this.devices.closeMic();
    if (this.devices.camera) this.devices.closeCamera();
    if (this.devices.screen) this.devices.closeScreen();
  }

  /** Many changes in one turn are one drawing. */
  private changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener();
    });
  }
}
