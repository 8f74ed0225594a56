// The line above the pictures: what this meeting is, how long it has been going on, and what is rarely needed.

import { useEffect, useState } from "preact/hooks";
import { readable } from "../protocol/place";
import { Icon } from "./icons";
import { useCall } from "./use-call";

export function Header() {
  const call = useCall();
  const { subject, locked, startedAt, people, phase, mediaUp, mediaExpected } = call.state;
  return (
    <header class="header">
      <h1 class="title" title={call.address}>
        {subject || readable(call.place.room)}
      </h1>
      {locked && (
        <span class="locked" title="A password is needed to join" role="img" aria-label="Locked with a password">
          <Icon name="lock" />
        </span>
      )}
      {startedAt !== undefined && people.length > 0 && <Timer since={startedAt} />}
      {phase === "joined" && mediaExpected && !mediaUp && <span class="muted small">Connecting media…</span>}
      <span class="grow" />
      <button class="plain" aria-label="Settings" title="Settings" onClick={() => call.set({ dialog: "settings" })}>
        <Icon name="settings" />
      </button>
      <button class="plain" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => call.set({ dialog: "help" })}>
        <Icon name="help" />
      </button>
    </header>
  );
}

function Timer({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  const pad = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return <span class="muted small timer">{hours > 0 ? `${hours}:${rest}` : rest}</span>;
}
