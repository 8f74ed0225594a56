// The dialogs of a meeting: its link and options, our settings, the shortcuts.

import { DeviceMenu } from "./device-menu";
import { MeetingDialog } from "./meeting-dialog";
import { Modal } from "./modal";
import { SHORTCUTS } from "./shortcuts";
import { useCall } from "./use-call";

export function Dialogs() {
  const call = useCall();
  const close = () => call.set({ dialog: undefined });
  switch (call.dialog) {
    case "meeting":
      return <MeetingDialog close={close} />;
    case "settings":
      return <Settings close={close} />;
    case "help":
      return <Help close={close} />;
    default:
      return null;
  }
}

function Settings({ close }: { close: () => void }) {
  const call = useCall();
  return (
    <Modal title="Settings" close={close}>
      <label class="field">
        <span>Your name</span>
        <input value={call.name} maxLength={60} onChange={(event) => call.rename(event.currentTarget.value)} />
      </label>
      <DeviceMenu kind="audioinput" />
      <DeviceMenu kind="videoinput" />
      {"setSinkId" in HTMLMediaElement.prototype && <DeviceMenu kind="audiooutput" />}
      {call.devices.problem !== "" && <p class="problem">{call.devices.problem}</p>}
    </Modal>
  );
}

function Help({ close }: { close: () => void }) {
  return (
    <Modal title="Keyboard shortcuts" close={close}>
      <dl class="keys">
        {SHORTCUTS.map(({ key, what }) => (
          <div key={key}>
            <dt>
              <kbd>{key.toUpperCase()}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
