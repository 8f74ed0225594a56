// Why the room did not let us in: the errors of a join, in words.

import type { Element } from "../xml";
import { condition } from "../xmpp/iq";

export type Refusal =
  | { kind: "password" }
  | { kind: "try-again" }
  | { kind: "final"; text: string };

/** Reads a presence of type `error` for our own occupant address. */
export function readRefusal(presence: Element): Refusal {
  const error = presence.child("error");
  const text = error?.childText("text") ?? "";
  switch (condition(presence)) {
    case "not-authorized":
      return { kind: "password" };
    case "not-allowed":
      if (text === "Room creation is restricted" || error?.child("room-does-not-exist")) return { kind: "try-again" };
      return { kind: "final", text: text || "You are not allowed to join this meeting." };
    case "service-unavailable":
      return { kind: "final", text: "The meeting is full." };
    case "registration-required":
      return { kind: "final", text: "This meeting has a lobby, which this client does not support yet. Ask a moderator to open it." };
    case "conflict":
      return { kind: "try-again" };
    case "not-acceptable":
      return { kind: "final", text: text || "This meeting asks for a name. Enter one and join again." };
    default:
      return { kind: "final", text: text || "The meeting refused to let you in." };
  }
}
