// A browser's RTCPeerConnection as far as negotiation goes: it answers and remembers.

import { answerTo } from "./jingle";

export class FakePeer {
  static all: FakePeer[] = [];
  connectionState: RTCPeerConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  offers: string[] = [];
  localDescription: { sdp: string } | null = null;
  channel = { send: (text: string) => this.messages.push(text), close: () => undefined, onopen: null as null | (() => void), onmessage: null as null | ((event: { data: string }) => void), onclose: null };
  messages: string[] = [];
  closed = false;
  refuses = false;
  private readonly transceivers: FakeTransceiver[] = [];

  constructor() {
    FakePeer.all.push(this);
  }

  static get last(): FakePeer {
    const peer = FakePeer.all[FakePeer.all.length - 1];
    if (!peer) throw new Error("there is no media connection");
    return peer;
  }

  createDataChannel() {
    return this.channel;
  }

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (this.refuses) throw new Error("refused");
    this.offers.push(sdp);
    const mids = [...sdp.matchAll(/^m=(audio|video)[^]*?a=mid:(\d+)/gm)].map(([, kind, mid]) => [kind, mid] as const);
    for (const [kind, mid] of mids) {
      if (!this.transceivers.some((one) => one.mid === mid)) this.transceivers.push(new FakeTransceiver(mid ?? "", kind ?? ""));
    }
  }

  async createAnswer(): Promise<{ sdp: string }> {
    return { sdp: answerTo(this.offers[this.offers.length - 1] ?? "") };
  }

  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  async getStats(): Promise<Map<string, unknown>> {
    return new Map();
  }

  close(): void {
    this.closed = true;
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

class FakeTransceiver {
  direction = "recvonly";
  readonly receiver: { track: unknown; getSynchronizationSources: () => unknown[] };
  readonly sender = {
    track: null as unknown,
    parameters: { encodings: [{}, {}, {}] as Record<string, unknown>[] },
    replaceTrack: async (track: unknown) => {
      this.sender.track = track;
    },
    getParameters: () => structuredClone(this.sender.parameters),
    setParameters: async (parameters: { encodings: Record<string, unknown>[] }) => {
      this.sender.parameters = parameters;
    },
  };

  constructor(
    readonly mid: string,
    kind: string,
  ) {
    this.receiver = { track: { kind, id: `remote-${mid}` }, getSynchronizationSources: () => [] };
  }
}

export const track = (kind: string): MediaStreamTrack => ({ kind, getSettings: () => ({ height: 720 }) }) as unknown as MediaStreamTrack;
