// Requests that others put to us and that have nothing to do with media: discovery and pings.

import { info } from "../disco";
import * as ns from "../ns";
import { xml, type Element } from "../xml";
import type { Connection } from "../xmpp/connection";

/** Answers a get or set that nothing else took; unknown ones with an error, as RFC 6120, section 8.2.3, demands. */
export function answerRequest(connection: Connection, iq: Element): void {
  const payload = iq.elements()[0];
  const get = iq.attrs["type"] === "get";
  if (get && payload?.ns === ns.DISCO_INFO) connection.answer(iq, info(payload.attrs["node"]));
  else if (get && payload?.ns === ns.DISCO_ITEMS) connection.answer(iq, xml("query", { xmlns: ns.DISCO_ITEMS }));
  else if (get && payload?.ns === ns.PING) connection.answer(iq);
  else connection.refuse(iq, "cancel", "service-unavailable");
}
