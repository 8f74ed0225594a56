// When to try again after a stream was lost.

import { RESUME_FOR, RETRY_FOR } from "../limits";

const FIRST = [200, 500, 1000];
const LATER = 2000;
/** once the session is certainly gone there is no hurry left */
const AFTERWARDS = 5000;

export type Attempt = { after: number; resume: boolean };

/** The schedule of one outage: quick tries that resume, then slow ones that start afresh, then none. */
export class Retry {
  private tries = 0;

  constructor(private readonly lostAt: number) {}

  /** `undefined`: give up. */
  next(now: number): Attempt | undefined {
    const elapsed = now - this.lostAt;
    if (elapsed > RETRY_FOR) return undefined;
    const resume = elapsed <= RESUME_FOR;
    const after = resume ? (FIRST[this.tries] ?? LATER) : AFTERWARDS;
    this.tries += 1;
    return { after, resume };
  }
}
