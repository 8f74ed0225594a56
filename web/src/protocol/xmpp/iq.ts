// Requests of ours that wait for their answer. They outlive a resumed stream, not a lost session.

import { IQ_TIMEOUT } from "../limits";
import { STANZAS } from "../ns";
import type { Element } from "../xml";

/** The answer was an error, or there was none (`condition` is then `timeout` or `session-lost`). */
export class IqError extends Error {
  constructor(readonly condition: string, readonly stanza?: Element) {
    super(stanza?.child("error")?.childText("text") || condition);
  }
}

interface Pending {
  resolve: (stanza: Element) => void;
  reject: (error: IqError) => void;
  timeout: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class PendingIqs {
  private readonly pending = new Map<string, Pending>();

  wait(id: string, timeout = IQ_TIMEOUT): Promise<Element> {
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject, timeout, timer: this.arm(id, timeout) });
    });
  }

  /** No stream: nobody can be late. */
  pause(): void {
    for (const waiting of this.pending.values()) {
      clearTimeout(waiting.timer);
      waiting.timer = undefined;
    }
  }

  /** The stream was resumed: everybody has the full time again. */
  unpause(): void {
    for (const [id, waiting] of this.pending) waiting.timer ??= this.arm(id, waiting.timeout);
  }

  /** `false`: nobody waits for this answer. */
  handle(stanza: Element): boolean {
    const waiting = this.settle(stanza.attrs["id"] ?? "");
    if (!waiting) return false;
    if (stanza.attrs["type"] === "result") waiting.resolve(stanza);
    else waiting.reject(new IqError(condition(stanza), stanza));
    return true;
  }

  failAll(reason: string): void {
    for (const id of [...this.pending.keys()]) this.settle(id)?.reject(new IqError(reason));
  }

  private arm(id: string, timeout: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.settle(id)?.reject(new IqError("timeout")), timeout);
  }

  private settle(id: string): Pending | undefined {
    const waiting = this.pending.get(id);
    if (waiting) clearTimeout(waiting.timer);
    this.pending.delete(id);
    return waiting;
  }
}

/** The defined condition of an error stanza (RFC 6120, section 8.3.3). */
export function condition(stanza: Element): string {
  const error = stanza.child("error");
  return error?.elements().find((element) => element.ns === STANZAS && element.name !== "text")?.name ?? "undefined-condition";
}
