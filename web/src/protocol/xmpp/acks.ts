// The two counters of a stream and what has not been acknowledged yet (XEP-0198, section 4).

import { UNACKED_MAX } from "../limits";
import type { Element } from "../xml";

export class Acks {
  /** stanzas handled by us: our `h` */
  received = 0;
  private acknowledged = 0;
  private queue: Element[] = [];

  /** Only these three are counted, in both directions. */
  static counts(element: Element): boolean {
    return element.name === "iq" || element.name === "presence" || element.name === "message";
  }

  sent(stanza: Element): void {
    this.queue.push(stanza);
  }

  /** More is waiting than any session should have to repeat. */
  get overflown(): boolean {
    return this.queue.length > UNACKED_MAX;
  }

  get unacked(): readonly Element[] {
    return this.queue;
  }

  /** The peer has handled `h` stanzas. `false`: it claims what cannot be, and nothing has changed. */
  acked(h: number): boolean {
    const fresh = h - this.acknowledged;
    if (!Number.isSafeInteger(h) || fresh < 0 || fresh > this.queue.length) return false;
    this.acknowledged = h;
    this.queue.splice(0, fresh);
    return true;
  }
}
