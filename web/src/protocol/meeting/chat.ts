// The conversation: lines that came from the room and private ones that we sent, which the room does not echo.

import { CHAT_LINES_MAX } from "../limits";
import type { ChatMessage } from "../room/room";
import { displayName, type ChatLine, type Store } from "./state";

export class Chat {
  private visible = false;
  private lines = 0;
  /** of the lines that are kept, oldest first */
  private readonly seen = new Set<string>();

  constructor(private readonly store: Store) {}

  /** A line from the room: ours comes back like everybody's. History that we have already is not repeated. */
  received(message: ChatMessage): void {
    const key = `${message.from} ${message.id}`;
    if (message.id !== "" && this.seen.has(key)) return;
    this.remember(key);
    const { self, people } = this.store.state;
    const own = message.from === self.nick;
    const author = own ? self : people.find((person) => person.nick === message.from);
    this.append({
      id: message.id,
      from: message.from,
      name: displayName(author ?? { nick: message.from, name: "" }),
      text: message.text,
      own,
      privateWith: message.private ? message.from : undefined,
      at: message.sentAt ?? Date.now(),
    });
  }

  sentPrivately(id: string, to: string, text: string): void {
    const { self } = this.store.state;
    this.append({ id, from: self.nick, name: displayName(self), text, own: true, privateWith: to, at: Date.now() });
  }

  /** While the panel is open nothing is unread. */
  show(visible: boolean): void {
    this.visible = visible;
    if (visible) this.store.patch({ unread: 0 });
  }

  private remember(key: string): void {
    this.seen.add(key);
    const [oldest] = this.seen;
    if (this.seen.size > CHAT_LINES_MAX && oldest !== undefined) this.seen.delete(oldest);
  }

  private append(line: Omit<ChatLine, "number">): void {
    const { chat, unread } = this.store.state;
    const counts = !line.own && !this.visible;
    const numbered = { ...line, number: this.lines++ };
    this.store.patch({ chat: [...chat, numbered].slice(-CHAT_LINES_MAX), unread: counts ? unread + 1 : unread });
  }
}
