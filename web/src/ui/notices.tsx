// One-line news, read out by screen readers, and the state of the connection while it is not well.

import { Icon } from "./icons";
import { useCall } from "./use-call";

export function Notices() {
  const call = useCall();
  const { phase } = call.state;
  return (
    <div class="notices" role="status" aria-live="polite">
      {phase === "reconnecting" && <p class="notice state" data-testid="notice">The connection was lost. Reconnecting…</p>}
      {phase === "connecting" && <p class="notice state" data-testid="notice">Joining…</p>}
      {call.soundBlocked && (
        <button class="notice action" data-testid="notice" onClick={() => call.set({ soundBlocked: false })}>
          Click here to hear the others
        </button>
      )}
      {call.notices.map((notice) => (
        <p key={notice.id} class={`notice ${notice.urgent ? "urgent" : ""}`} data-testid="notice">
          <span>{notice.text}</span>
          <button class="plain" aria-label="Dismiss" onClick={() => call.dismiss(notice.id)}>
            <Icon name="close" />
          </button>
        </p>
      ))}
    </div>
  );
}
