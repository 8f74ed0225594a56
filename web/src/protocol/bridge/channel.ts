// The bridge channel: JSON messages to and from the bridge, on a data channel or, where none is offered, a WebSocket.

import { CHANNEL_MESSAGE_MAX } from "../limits";

export interface Pipe {
  send(text: string): void;
  close(): void;
}

export type FromBridge =
  | { colibriClass: "SenderSourceConstraints"; sourceName: string; maxHeight: number }
  | { colibriClass: "ForwardedSources"; forwardedSources: string[] }
  | { colibriClass: "DominantSpeakerEndpointChangeEvent"; dominantSpeakerEndpoint: string; silence?: boolean }
  | { colibriClass: "EndpointConnectivityStatusChangeEvent"; endpoint: string; active: string | boolean }
  | { colibriClass: "EndpointStats"; from: string; connectionQuality?: number };

export interface VideoConstraints {
  /** sources on the stage; they get what is left of the bandwidth first */
  onStage: string[];
  /** lines, by source; what is not named gets nothing */
  heights: Record<string, number>;
  lastN: number;
}

export interface ChannelHandler {
  message(message: FromBridge): void;
}

const CONSTRAINTS = "constraints";

export class BridgeChannel {
  private pipe: Pipe | undefined;
  /** what the bridge should know, by topic; empty: nothing yet */
  private readonly wanted = new Map<string, string>([[CONSTRAINTS, ""]]);
  /** what it was told on this pipe */
  private readonly told = new Map<string, string>();

  constructor(private readonly handler: ChannelHandler) {}

  get open(): boolean {
    return this.pipe !== undefined;
  }

  /** A pipe came up: everything that the bridge should know is said again. */
  opened(pipe: Pipe): void {
    this.pipe = pipe;
    this.told.clear();
    this.write(JSON.stringify({ colibriClass: "ClientHello" }));
    this.tell();
  }

  closed(): void {
    this.pipe = undefined;
  }

  /** What we want to see. Said only when it differs from what was said before. */
  want(constraints: VideoConstraints): void {
    const entries = Object.entries(constraints.heights).sort(([a], [b]) => (a < b ? -1 : 1));
    const message = {
      colibriClass: "ReceiverVideoConstraints",
      lastN: constraints.lastN,
      selectedSources: [],
      onStageSources: constraints.onStage,
      defaultConstraints: { maxHeight: 0 },
      constraints: Object.fromEntries(entries.map(([name, maxHeight]) => [name, { maxHeight }])),
    };
    this.wanted.set(CONSTRAINTS, JSON.stringify(message));
    this.tell();
  }

  /** `camera`, `desktop`, or `none` while the source is muted. */
  videoType(sourceName: string, videoType: "camera" | "desktop" | "none"): void {
    this.wanted.set(`type of ${sourceName}`, JSON.stringify({ colibriClass: "SourceVideoTypeMessage", sourceName, videoType }));
    this.tell();
  }

  /** Said now and then, so that what could not be said before is made up for here. */
  stats(body: Record<string, unknown>): void {
    this.tell();
    this.write(JSON.stringify({ colibriClass: "EndpointStats", ...body }));
  }

  /** A message of a class or shape that we do not know is ignored. */
  receive(text: unknown): void {
    if (typeof text !== "string" || text.length > CHANNEL_MESSAGE_MAX) return;
    let raw: unknown;
    try {
      raw = JSON.parse(text);
    } catch {
      return;
    }
    const message = checked(raw);
    if (message) this.handler.message(message);
  }

  private tell(): void {
    for (const [topic, text] of this.wanted) {
      if (text !== (this.told.get(topic) ?? "") && this.write(text)) this.told.set(topic, text);
    }
  }

  /** `false`: it was not sent. A data channel that is closing or full throws; that must not stop whoever called. */
  private write(text: string): boolean {
    if (!this.pipe) return false;
    try {
      this.pipe.send(text);
      return true;
    } catch {
      return false;
    }
  }
}

/** `undefined`: a class that we do not know, or not of its shape. */
function checked(raw: unknown): FromBridge | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const message = raw as Record<string, unknown>;
  return fits(message) ? (raw as FromBridge) : undefined;
}

function fits(message: Record<string, unknown>): boolean {
  const is = (key: string, type: string) => typeof message[key] === type;
  switch (message["colibriClass"]) {
    case "SenderSourceConstraints":
      return is("sourceName", "string") && is("maxHeight", "number");
    case "ForwardedSources":
      return Array.isArray(message["forwardedSources"]);
    case "DominantSpeakerEndpointChangeEvent":
      return is("dominantSpeakerEndpoint", "string");
    case "EndpointConnectivityStatusChangeEvent": // the flag is a string on the wire
      return is("endpoint", "string") && message["active"] !== undefined;
    case "EndpointStats":
      return is("from", "string");
    default:
      return false;
  }
}
