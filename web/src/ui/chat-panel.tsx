// The conversation, and a line to add to it: for everybody or for one person.

import { useEffect, useRef, useState } from "preact/hooks";
import { displayName, type ChatLine } from "../protocol/meeting/state";
import { Icon } from "./icons";
import { PanelFrame } from "./panel";
import { useCall } from "./use-call";

/** Made once: it takes longer than to show a line. */
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

export function ChatPanel() {
  const call = useCall();
  const { chat, people } = call.state;
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [chat.at(-1)?.number]);
  const nameOf = (nick: string) => displayName(people.find((person) => person.nick === nick) ?? { nick, name: "" });
  return (
    <PanelFrame title="Chat">
      <ol class="lines" aria-live="polite">
        {chat.length === 0 && <li class="muted empty">Nothing has been said yet.</li>}
        {chat.map((line) => (
          <Line key={line.number} line={line} toward={line.privateWith ? nameOf(line.privateWith) : ""} />
        ))}
        <li ref={end} aria-hidden="true" class="end" />
      </ol>
      <Compose />
    </PanelFrame>
  );
}

function Line({ line, toward }: { line: ChatLine; toward: string }) {
  const kind = line.privateWith === undefined ? "" : line.own ? `private, to ${toward}` : "private";
  return (
    <li class={`line ${line.own ? "own" : ""} ${line.privateWith ? "private" : ""}`} data-testid="chat-line" data-from={line.from}>
      <div class="line-head">
        <strong>{line.own ? "You" : line.name}</strong>
        {kind !== "" && <em>{kind}</em>}
        <time>{CLOCK.format(line.at)}</time>
      </div>
      <p>{withLinks(line.text)}</p>
    </li>
  );
}

function Compose() {
  const call = useCall();
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const { people } = call.state;
  const to = people.some((person) => person.nick === call.chatTo) ? call.chatTo : "";
  useEffect(() => input.current?.focus(), [call.chatTo]);
  const send = (event?: Event) => {
    event?.preventDefault();
    const value = (input.current?.value ?? text).trim();
    if (value === "") return;
    call.meeting?.say(value, to === "" ? undefined : to);
    setText("");
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return (
    <form class="compose" onSubmit={send}>
      <label class="to">
        <span>To</span>
        <select value={to} onChange={(event) => call.set({ chatTo: event.currentTarget.value })}>
          <option value="">everybody</option>
          {people.map((person) => (
            <option key={person.nick} value={person.nick}>
              {displayName(person)}, privately
            </option>
          ))}
        </select>
      </label>
      <div class="row">
        <textarea
          ref={input}
          data-testid="chat-input"
          aria-label="Message"
          rows={2}
          value={text}
          maxLength={5000}
          placeholder="Write a message"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={press}
        />
        <button class="round accent" data-testid="chat-send" type="submit" aria-label="Send">
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

/** Addresses become links; everything else stays text. */
function withLinks(text: string) {
  return text.split(/(https?:\/\/[^\s<>"]+)/g).map((part, index) =>
    index % 2 === 1 ? (
      <a key={index} href={part} target="_blank" rel="noopener noreferrer">
        {part}
      </a>
    ) : (
      part
    ),
  );
}
