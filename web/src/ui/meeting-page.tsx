// The meeting: header, pictures, toolbar, and the panels over them.

import { useEffect, useMemo } from "preact/hooks";
import { ChatPanel } from "./chat-panel";
import { Dialogs } from "./dialogs";
import { Header } from "./header";
import { LeftPage } from "./left-page";
import { Notices } from "./notices";
import { PasswordPrompt } from "./password-prompt";
import { PeoplePanel } from "./people-panel";
import { Pictures } from "./pictures";
import { listenForShortcuts } from "./shortcuts";
import { Toolbar } from "./toolbar";
import { useCall } from "./use-call";
import { Sound } from "./video";
import { Viewport } from "./viewport";

export function MeetingPage() {
  const call = useCall();
  const { phase, tracks } = call.state;
  const viewport = useMemo(() => new Viewport(call), [call]);
  useEffect(() => () => viewport.close(), [viewport]);
  useEffect(() => listenForShortcuts(call), [call]);
  if (phase === "left" || phase === "kicked") {
    return (
      <main class="page" data-testid="meeting" data-state={phase}>
        <LeftPage />
      </main>
    );
  }
  const speakers = call.devices.chosen("audiooutput");
  return (
    <main class="meeting" data-testid="meeting" data-state={phase === "connecting" ? "joining" : phase}>
      <Header />
      <div class="room">
        <Pictures viewport={viewport} />
        {call.panel === "chat" && <ChatPanel />}
        {call.panel === "people" && <PeoplePanel />}
      </div>
      <Toolbar />
      <Notices />
      <Dialogs />
      {phase === "password" && <PasswordPrompt />}
      {tracks
        .filter((track) => track.kind === "audio")
        .map((track) => (
          <Sound key={track.name} track={track.track} device={speakers} blocked={() => call.set({ soundBlocked: true })} />
        ))}
    </main>
  );
}
