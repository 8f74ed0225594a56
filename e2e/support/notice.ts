import type { Person } from './person.ts';
import { pause, until } from './wait.ts';

/** What one person's page noticed. */
export interface Noticed {
  /** longest time without a frame of anybody else, the one that still lasts included */
  pictureMs: number;
  /** from the moment that a line was sent to the moment that it stood in the chat, at worst */
  chatMs: number;
  /** lines that never came, came twice, came before an older one */
  lost: number;
  doubled: number;
  disordered: number;
  /** times that the page said that it was reconnecting */
  reconnections: number;
}

/** What runs in a page and is asked later. */
interface Watch {
  /** pictures that are followed; a move to another bridge brings new ones */
  followed: Set<Element>;
  lastFrame: number;
  longest: number;
  reconnections: number;
  /** number of a line, and when it appeared */
  lines: [number, number][];
  end(): void;
}

/** So far, in this process. */
let talks = 0;

/** Between two lines of the one who talks. */
const LINE_INTERVAL_MS = 250;

/** One talks, the other watches and reads, while something happens to the servers. */
export class Notice {
  private readonly sent: number[] = [];
  private talking = false;
  private talk: Promise<void> = Promise.resolve();

  private constructor(
    private readonly talker: Person,
    private readonly reader: Person,
    /** what its lines begin with */
    private readonly mark: string,
  ) {}

  static async of(talker: Person, reader: Person): Promise<Notice> {
    for (const person of [talker, reader]) await person.open('toolbar-chat', 'chat-input');
    const notice = new Notice(talker, reader, `talk ${(talks += 1)}, line `);
    await reader.page.evaluate(watch, notice.mark);
    notice.talking = true;
    notice.talk = notice.keepTalking();
    // who waits for its end is told; until then another error may close the page
    notice.talk.catch(() => undefined);
    return notice;
  }

  /** Waits until a line that is sent from now on was read. */
  async heard(patienceMs?: number): Promise<void> {
    const first = this.sent.length;
    await until(
      'a new line of the chat is read',
      () => this.reader.page.evaluate((first) => watched().lines.some(([number]) => number >= first), first),
      patienceMs,
    );
  }

  /** Ends the talk, waits for what is still on its way, and tells what was noticed since the start. */
  async end(): Promise<Noticed> {
    this.talking = false;
    await this.talk;
    await this.lastLineIsRead();
    const seen = await this.reader.page.evaluate(read);
    const numbers = seen.lines.map(([number]) => number);
    return {
      pictureMs: seen.pictureMs,
      chatMs: Math.max(0, ...seen.lines.map(([number, at]) => at - this.sent[number]!)),
      lost: this.sent.filter((_, number) => !numbers.includes(number)).length,
      doubled: numbers.length - new Set(numbers).size,
      disordered: numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!).length,
      reconnections: seen.reconnections,
    };
  }

  private async lastLineIsRead(): Promise<void> {
    const last = this.sent.length - 1;
    const here = (): Promise<boolean> =>
      this.reader.page.evaluate((last) => watched().lines.some(([number]) => number === last), last);
    // a line that is lost shows in the result
    await until('the last line is read', here).catch(() => undefined);
  }

  private async keepTalking(): Promise<void> {
    while (this.talking) {
      await this.talker.at('chat-input').fill(`${this.mark}${this.sent.length}.`);
      this.sent.push(Date.now());
      await this.talker.press('chat-send');
      await pause(LINE_INTERVAL_MS);
    }
  }
}

/** In the page: what `watch` keeps. */
declare function watched(): Watch;

/** Runs in the page. `mark` is what the lines of the talk begin with. */
function watch(mark: string): void {
  const page = window as unknown as { watched?: () => Watch };
  page.watched?.().end();
  const state: Watch = {
    followed: new Set(),
    lastFrame: Date.now(),
    longest: 0,
    reconnections: 0,
    lines: [],
    end: () => {
      ended = true;
      observer.disconnect();
    },
  };
  let ended = false;
  page.watched = () => state;
  const follow = (video: HTMLVideoElement): void => {
    if (state.followed.has(video)) return;
    state.followed.add(video);
    const frame = (): void => {
      state.longest = Math.max(state.longest, Date.now() - state.lastFrame);
      state.lastFrame = Date.now();
      if (!ended) video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
  };
  const readLine = (line: Element): void => {
    const [, after] = (line.textContent ?? '').split(mark);
    if (after !== undefined) state.lines.push([Number.parseInt(after, 10), Date.now()]);
  };
  const look = (): void => {
    const remote = '[data-testid=tile][data-self=false][data-kind=camera] video';
    document.querySelectorAll<HTMLVideoElement>(remote).forEach(follow);
  };
  const observer = new MutationObserver((changes) => {
    look();
    for (const change of changes) {
      const target = change.target as Element;
      if (change.attributeName === 'data-state' && target.getAttribute('data-state') === 'reconnecting') {
        state.reconnections += 1;
      }
      for (const node of change.addedNodes) {
        if (!(node instanceof Element)) continue;
        if (node.matches('[data-testid=chat-line]')) readLine(node);
        node.querySelectorAll('[data-testid=chat-line]').forEach(readLine);
      }
    }
  });
  look();
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-state'] });
}

/** Runs in the page. */
function read(): { pictureMs: number; reconnections: number; lines: [number, number][] } {
  const state = watched();
  const pictureMs = Math.max(state.longest, Date.now() - state.lastFrame);
  return { pictureMs, reconnections: state.reconnections, lines: state.lines };
}
