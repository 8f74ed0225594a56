// The link to hand out, and what a moderator may set: subject and password.

import { useRef, useState } from "preact/hooks";
import { readable } from "../protocol/place";
import { Icon } from "./icons";
import { Modal } from "./modal";
import { useCall } from "./use-call";

export function MeetingDialog({ close }: { close: () => void }) {
  const call = useCall();
  return (
    <Modal title="This meeting" close={close}>
      <Invite link={call.link} />
      {call.state.self.moderator ? <Options /> : <p class="muted small">{call.state.locked ? "A password is needed to join." : "Anybody with the link can join."}</p>}
    </Modal>
  );
}

function Invite({ link }: { link: string }) {
  const call = useCall();
  const field = useRef<HTMLInputElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      call.notify("The link is copied.");
    } catch {
      field.current?.select();
      call.notify("Press Ctrl+C to copy the link.");
    }
  };
  return (
    <div class="field">
      <label for="link">Link to invite others</label>
      <div class="row">
        <input id="link" ref={field} data-testid="invite-link" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
        <button class="button" data-testid="invite-copy" onClick={() => void copy()}>
          <Icon name="copy" /> Copy
        </button>
      </div>
    </div>
  );
}

function Options() {
  const call = useCall();
  const { subject, locked } = call.state;
  const [title, setTitle] = useState(subject);
  const [password, setPassword] = useState("");
  const rename = (event: Event) => {
    event.preventDefault();
    call.meeting?.setSubject(title.trim());
  };
  const lock = (event: Event) => {
    event.preventDefault();
    void call.meeting?.moderator.lock(password.trim());
    setPassword("");
  };
  return (
    <>
      <form class="field" onSubmit={rename}>
        <label for="subject">Subject</label>
        <div class="row">
          <input id="subject" data-testid="subject-input" value={title} maxLength={100} placeholder={readable(call.place.room)} onInput={(event) => setTitle(event.currentTarget.value)} />
          <button class="button" data-testid="subject-set">Set</button>
        </div>
      </form>
      <form class="field" onSubmit={lock}>
        <label for="password">Password {locked ? "(one is set)" : "(none is set)"}</label>
        <div class="row">
          <input id="password" data-testid="password-input" value={password} autocomplete="off" maxLength={100} placeholder={locked ? "New password" : "Choose one"} onInput={(event) => setPassword(event.currentTarget.value)} />
          <button class="button" data-testid="password-set">{locked && password.trim() === "" ? "Remove" : "Set"}</button>
        </div>
      </form>
    </>
  );
}
