// Microphone, camera and screen: opening them, letting them go, and saying in words what does not work.

import { recall, remember } from "./preferences";

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";

const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MIC: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Devices {
  mic: MediaStreamTrack | null = null;
  camera: MediaStreamTrack | null = null;
  screen: MediaStreamTrack | null = null;
  /** one line about what is missing and what to do; empty: nothing is */
  problem = "";
  list: MediaDeviceInfo[] = [];

  constructor(private readonly changed: () => void) {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.refreshList());
  }

  static get canShare(): boolean {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  chosen(kind: DeviceKind): string {
    return recall(kind) ?? "";
  }

  /** Opens what is wanted, with one question to the user if the browser allows, else one by one. */
  async open(want: { mic: boolean; camera: boolean }): Promise<void> {
    if (!navigator.mediaDevices) return this.complain(insecure());
    const both = want.mic && want.camera && !this.mic && !this.camera;
    if (both && (await this.capture(true, true)) === undefined) return this.complain("");
    const failures: string[] = [];
    if (want.mic && !this.mic) failures.push((await this.capture(true, false)) ?? "");
    if (want.camera && !this.camera) failures.push((await this.capture(false, true)) ?? "");
    this.complain(failures.filter((one, index) => one !== "" && failures.indexOf(one) === index).join(" "));
  }

  closeMic(): void {
    this.mic?.stop();
    this.mic = null;
    this.changed();
  }

  closeCamera(): void {
    this.camera?.stop();
    this.camera = null;
    this.changed();
  }

  /** Asks which screen or window. `false`: the user thought better of it. */
  async openScreen(): Promise<boolean> {
    try {
      const video = { frameRate: { ideal: 15, max: 30 } };
      const stream = await navigator.mediaDevices.getDisplayMedia({ video, audio: false });
      const track = stream.getVideoTracks()[0] ?? null;
      if (track) {
        track.contentHint = "detail";
        track.onended = () => this.closeScreen();
      }
      this.screen = track;
      this.changed();
      return track !== null;
    } catch {
      return false;
    }
  }

  closeScreen(): void {
    this.screen?.stop();
    this.screen = null;
    this.changed();
  }

  /** Takes another device from now on, and at once if one of the kind is open. */
  async choose(kind: DeviceKind, id: string): Promise<void> {
    remember(kind, id);
    if (kind === "audioinput" && this.mic) {
      this.mic.stop();
      this.mic = null;
      await this.open({ mic: true, camera: false });
    } else if (kind === "videoinput" && this.camera) {
      this.camera.stop();
      this.camera = null;
      await this.open({ mic: false, camera: true });
    }
    this.changed();
  }

  async refreshList(): Promise<void> {
    if (!navigator.mediaDevices) return;
    this.list = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.deviceId !== "");
    this.changed();
  }

  /** `undefined`: it worked; else why not. */
  private async capture(mic: boolean, camera: boolean): Promise<string | undefined> {
    const audio = mic && { ...MIC, ...preferred(this.chosen("audioinput")) };
    const video = camera && { ...CAMERA, ...preferred(this.chosen("videoinput")) };
    try {
      this.take(await navigator.mediaDevices.getUserMedia({ audio, video }));
    } catch (error) {
      return inWords((error as DOMException).name, mic ? "microphone" : "camera");
    }
    await this.refreshList();
    return undefined;
  }

  private take(stream: MediaStream): void {
    const [mic] = stream.getAudioTracks();
    const [camera] = stream.getVideoTracks();
    if (mic) {
      this.mic = mic;
      mic.onended = () => mic === this.mic && this.closeMic();
    }
    if (camera) {
      this.camera = camera;
      camera.onended = () => camera === this.camera && this.closeCamera();
    }
  }

  private complain(problem: string): void {
    this.problem = problem;
    this.changed();
  }
}

/** A wish and not a demand: the device may have been unplugged. */
const preferred = (id: string): MediaTrackConstraints => (id === "" ? {} : { deviceId: { ideal: id } });

function insecure(): string {
  return `This page may not use your microphone and camera because it was not opened over a secure address. Open https://${location.host} instead. You can still join to watch, listen and chat.`;
}

function inWords(name: string, what: string): string {
  switch (name) {
    case "NotAllowedError":
      return `The browser does not let this page use your ${what}. Allow it next to the address, then turn it on again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${what} was found.`;
    case "NotReadableError":
    case "AbortError":
      return `Your ${what} is in use by another program.`;
    default:
      return `Your ${what} could not be started.`;
  }
}
