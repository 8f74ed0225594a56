// Our own presence in the room: always sent as a whole, never as a difference.

import { caps } from "../disco";
import * as ns from "../ns";
import { xml, type Element } from "../xml";
import type { SourceState } from "./occupant";

export interface Self {
  name: string;
  /** ms since the epoch; 0: down */
  hand: number;
  sources: Record<string, SourceState>;
}

/** Everything but the MUC's `x`, which only the join carries. */
export function presenceChildren(self: Self): Element[] {
  const sources = Object.entries(self.sources).map(([name, state]) => [
    name,
    { muted: state.muted, ...(state.desktop ? { videoType: "desktop" } : {}) },
  ]);
  const children = [
    caps(),
    xml("SourceInfo", {}, JSON.stringify(Object.fromEntries(sources))),
    xml("jitsi_participant_codecList", {}, "vp8"),
    xml("jitsi_participant_raisedHand", {}, self.hand > 0 ? String(self.hand) : ""),
  ];
  if (self.name !== "") children.push(xml("nick", { xmlns: ns.NICK }, self.name));
  return children;
}

export function joinPresence(to: string, self: Self, password: string | undefined): Element {
  const secret = password ? xml("password", {}, password) : undefined;
  return xml("presence", { xmlns: ns.CLIENT, to }, xml("x", { xmlns: ns.MUC }, secret), ...presenceChildren(self));
}
