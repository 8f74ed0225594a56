// What we say that we can do (XEP-0030, XEP-0115), and what we ask of the room.

import * as ns from "./ns";
import { xml, type Element } from "./xml";

/** No `ssrc-rewriting-1`: remote sources come through Jingle, one m-line each. */
export const FEATURES = [
  "http://jabber.org/protocol/caps",
  "http://jitsi.org/json-encoded-sources",
  "http://jitsi.org/receive-multiple-video-streams",
  "http://jitsi.org/source-name",
  "http://jitsi.org/start-muted-room-metadata",
  "http://jitsi.org/tcc",
  "urn:ietf:rfc:4588",
  "urn:xmpp:jingle:1",
  "urn:xmpp:jingle:apps:dtls:0",
  "urn:xmpp:jingle:apps:rtp:1",
  "urn:xmpp:jingle:apps:rtp:audio",
  "urn:xmpp:jingle:apps:rtp:video",
  "urn:xmpp:jingle:transports:dtls-sctp:1",
  "urn:xmpp:jingle:transports:ice-udp:1",
];

export const CAPS_NODE = "https://althing.invalid/web";
/** The hash of FEATURES (XEP-0115, section 5.1). A constant, since insecure pages have no digest; a test compares. */
export const CAPS_VER = "WY2xzl0wMZnj9egN6KMpU0OywmQ=";

export const caps = (): Element => xml("c", { xmlns: ns.CAPS, hash: "sha-1", node: CAPS_NODE, ver: CAPS_VER });

/** The answer to a disco#info request. */
export function info(node: string | undefined): Element {
  return xml("query", { xmlns: ns.DISCO_INFO, node }, ...FEATURES.map((feature) => xml("feature", { var: feature })));
}

/** What the room says about itself. */
export type RoomInfo = { locked: boolean; meetingId: string | undefined; createdAt: number | undefined };

export function roomInfo(answer: Element): RoomInfo {
  const query = answer.child("query", ns.DISCO_INFO);
  const fields = query?.child("x", ns.DATA_FORM)?.all("field") ?? [];
  const field = (name: string) => fields.find((one) => one.attrs["var"] === name)?.childText("value");
  const created = Number(field("muc#roominfo_created_timestamp"));
  return {
    locked: (query?.all("feature") ?? []).some((one) => one.attrs["var"] === "muc_passwordprotected"),
    meetingId: field("muc#roominfo_meetingId"),
    createdAt: created > 0 ? created : undefined,
  };
}
