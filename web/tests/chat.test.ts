import { expect, test } from "vitest";
import { CHAT_LINES_MAX } from "../src/protocol/limits";
import { Chat } from "../src/protocol/meeting/chat";
import { Store, type MeetingState } from "../src/protocol/meeting/state";

const NOBODY = { self: { nick: "00000001", name: "Ada" }, people: [], chat: [], unread: 0 } as unknown as MeetingState;

function received(count: number): { chat: Chat; store: Store } {
  const store = new Store(NOBODY);
  const chat = new Chat(store);
  for (let id = 0; id < count; id += 1) say(chat, id);
  return { chat, store };
}

function say(chat: Chat, id: number): void {
  chat.received({ id: `${id}`, from: "bbbbbbbb", text: `line ${id}`, private: false, sentAt: undefined });
}

test("the newest lines are kept, each under the number that it has always had", () => {
  const { chat, store } = received(CHAT_LINES_MAX + 2);
  const before = store.state.chat;
  expect([before.length, before[0]?.number, before.at(-1)?.text]).toEqual([CHAT_LINES_MAX, 2, `line ${CHAT_LINES_MAX + 1}`]);
  say(chat, CHAT_LINES_MAX + 2);
  expect(store.state.chat.slice(0, -1)).toEqual(before.slice(1));
});

test("a line that is kept is not shown again", () => {
  const { chat, store } = received(CHAT_LINES_MAX + 2);
  say(chat, 2);
  say(chat, CHAT_LINES_MAX + 1);
  expect(store.state.chat.at(-1)?.number).toBe(CHAT_LINES_MAX + 1);
  say(chat, 1);
  expect(store.state.chat.at(-1)?.text).toBe("line 1");
});
