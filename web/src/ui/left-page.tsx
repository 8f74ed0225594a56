// It is over, for us at least.

import { useCall } from "./use-call";

export function LeftPage() {
  const call = useCall();
  const { phase, reason } = call.state;
  const rejoin = () => {
    call.join();
    void call.openDevices();
  };
  return (
    <section class="card" data-testid="left-page">
      <h1>{phase === "kicked" ? "You were removed" : "You have left the meeting"}</h1>
      {reason !== "" && <p role="alert">{reason}</p>}
      <div class="row">
        <button class="button primary" data-testid="rejoin" onClick={rejoin}>
          Join again
        </button>
        <a class="button" href="/">
          Start page
        </a>
      </div>
    </section>
  );
}
