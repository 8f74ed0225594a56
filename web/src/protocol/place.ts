// Which room the page's address names, and what its query and fragment ask for.

import { ROOM_CHARACTERS_MAX } from "./limits";

export interface Place {
  /** as it goes into the room's address, see `roomName`; empty: the start page */
  room: string;
  /** empty: none */
  tenant: string;
  token: string | undefined;
  /** `#skip-prejoin`: join at once, for links from other applications */
  skipPrejoin: boolean;
  /** `#name=Ada`: the display name to use */
  name: string | undefined;
}

/** Reads `/ROOM` or `/TENANT/ROOM`, `?jwt=` and `#skip-prejoin&name=Ada`. */
export function readPlace(page: Pick<Location, "pathname" | "search" | "hash">): Place {
  const parts = page.pathname.split("/").filter((part) => part !== "").map(decode);
  const room = parts.length > 0 ? (parts[parts.length - 1] ?? "") : "";
  const wishes = new URLSearchParams(page.hash.replace(/^#/, ""));
  return {
    room: roomName(room),
    tenant: parts.length > 1 ? tenantName(parts[0] ?? "") : "",
    token: new URLSearchParams(page.search).get("jwt") ?? undefined,
    skipPrejoin: wishes.has("skip-prejoin") && wishes.get("skip-prejoin") !== "false",
    name: wishes.get("name")?.trim() || undefined,
  };
}

/**
 * What people type, as the node of an address: lower case and percent-encoded, as every Jitsi client writes it, so that
 * all of them mean the same room. Without what no room name may have.
 */
export function roomName(typed: string): string {
  const name = typed.normalize("NFKC").trim().toLowerCase().replace(/['\u0000-\u001f\u007f]/g, "").slice(0, ROOM_CHARACTERS_MAX);
  return encodeURIComponent(name.replace(LONE_SURROGATES, "")).toLowerCase();
}

const LONE_SURROGATES = /\p{Surrogate}/gu;

/** The name of a room as people read it. */
export function readable(room: string): string {
  return decode(room);
}

/** A tenant is a label of a domain name. */
function tenantName(typed: string): string {
  return typed.toLowerCase().replace(/[^a-z0-9_-]/g, "");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const ADJECTIVES = ["amber", "brave", "calm", "clear", "early", "gentle", "golden", "green", "kind", "lively", "northern", "open", "quiet", "silver", "steady", "sunny", "warm", "wide"];
const NOUNS = ["anchor", "bay", "birch", "bridge", "brook", "cedar", "cliff", "field", "fjord", "forest", "geyser", "harbour", "heron", "island", "lantern", "meadow", "plover", "river"];

/** A room name that is easy to say aloud; some 17 million of them. */
export function suggestRoom(random: () => number = Math.random): string {
  const pick = (words: string[]) => words[Math.floor(random() * words.length)] ?? "";
  const digits = String(Math.floor(random() * 900) + 100);
  return `${pick(ADJECTIVES)}-${pick(ADJECTIVES)}-${pick(NOUNS)}-${digits}`;
}
