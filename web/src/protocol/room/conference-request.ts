// Asks the focus to be in the room before we join it.

import * as ns from "../ns";
import type { Connection } from "../xmpp/connection";
import { IqError } from "../xmpp/iq";
import { xml } from "../xml";

const PAUSE_MAX = 30_000;
/** a room with many waiting participants may take the focus a while */
const ANSWER_WITHIN = 30_000;

/**
 * Repeats the request until the focus is ready and returns its bare address. Rejects with the `IqError` of a refusal;
 * `cancelled` ends the loop when the session it belongs to is gone.
 */
export async function requestConference(
  connection: Connection,
  focus: string,
  room: string,
  machineUid: string,
  cancelled: () => boolean,
): Promise<string> {
  for (let pause = 1000; ; pause = Math.min(pause * 2, PAUSE_MAX)) {
    const payload = xml("conference", { xmlns: ns.FOCUS, "machine-uid": machineUid, room });
    const answer = await connection.request("set", focus, payload, ANSWER_WITHIN);
    const conference = answer.child("conference", ns.FOCUS);
    if (conference?.attrs["ready"] === "true") return conference.attrs["focusjid"] ?? "";
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (cancelled()) throw new IqError("session-lost");
  }
}
