// The room is locked: ask for its password.

import { useState } from "preact/hooks";
import { Modal } from "./modal";
import { useCall } from "./use-call";

export function PasswordPrompt() {
  const call = useCall();
  const [password, setPassword] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    call.meeting?.submitPassword(password);
  };
  return (
    <Modal title="This meeting is locked">
      <form class="field" onSubmit={submit}>
        <label for="ask">Password</label>
        <input id="ask" data-testid="password-ask" type="password" value={password} autofocus autocomplete="off" onInput={(event) => setPassword(event.currentTarget.value)} />
        {call.state.reason !== "" && (
          <p class="problem" role="alert">
            {call.state.reason}
          </p>
        )}
        <div class="row end">
          <button class="button" type="button" onClick={() => call.meeting?.leave()}>
            Go back
          </button>
          <button class="button primary" data-testid="password-submit" type="submit">
            Join
          </button>
        </div>
      </form>
    </Modal>
  );
}
