// What one does all the time, one press away.

import { Devices } from "../media/devices";
import { Icon, type IconName } from "./icons";
import { useCall } from "./use-call";

interface ToolProps {
  id: string;
  icon: IconName;
  /** its name, the same whether pressed or not */
  label: string;
  /** what a press does, if the name does not say it */
  does?: string;
  keys?: string;
  pressed?: boolean;
  count?: number;
  look?: string;
  press: () => void;
}

function Tool({ id, icon, label, does = label, keys, pressed, count = 0, look = "", press }: ToolProps) {
  const title = keys ? `${does} (${keys})` : does;
  const named = count > 0 ? `${label}, ${count} new` : label;
  return (
    <button class={`tool ${look}`} data-testid={`toolbar-${id}`} aria-label={named} title={title} aria-pressed={pressed} onClick={press}>
      <Icon name={icon} />
      {count > 0 && <span class="count">{count > 99 ? "99+" : count}</span>}
    </button>
  );
}

export function Toolbar() {
  const call = useCall();
  const { mic, camera, screen } = call.devices;
  const { self, unread, people } = call.state;
  const hands = people.filter((person) => person.hand > 0).length;
  const grid = call.effectiveLayout === "grid";
  return (
    <nav class="toolbar" aria-label="Meeting controls">
      <Tool id="mic" icon={mic ? "mic" : "micOff"} label="Microphone" does={mic ? "Mute" : "Unmute"} keys="M" pressed={mic !== null} look={mic ? "" : "off"} press={() => void call.toggleMic()} />
      <Tool id="camera" icon={camera ? "camera" : "cameraOff"} label="Camera" does={camera ? "Turn the camera off" : "Turn the camera on"} keys="V" pressed={camera !== null} look={camera ? "" : "off"} press={() => void call.toggleCamera()} />
      {Devices.canShare && <Tool id="share" icon="share" label="Share your screen" does={screen ? "Stop sharing" : "Share your screen"} keys="S" pressed={screen !== null} look="lit" press={() => void call.toggleShare()} />}
      <span class="divider" />
      <Tool id="hand" icon="hand" label="Raise your hand" does={self.hand > 0 ? "Lower your hand" : "Raise your hand"} keys="R" pressed={self.hand > 0} look="lit" press={() => call.toggleHand()} />
      <Tool id="chat" icon="chat" label="Chat" keys="C" pressed={call.panel === "chat"} count={unread} look="lit" press={() => call.togglePanel("chat")} />
      <Tool id="people" icon="people" label="People" keys="P" pressed={call.panel === "people"} count={call.panel === "people" ? 0 : hands} look="lit" press={() => call.togglePanel("people")} />
      <Tool id="layout" icon={grid ? "stage" : "grid"} label={grid ? "Show the speaker large" : "Show everybody alike"} keys="L" press={() => call.toggleLayout()} />
      <Tool id="invite" icon="invite" label="Invite and meeting options" keys="I" press={() => call.set({ dialog: "meeting" })} />
      <span class="divider" />
      <Tool id="leave" icon="leave" label="Leave" look="danger" press={() => call.meeting?.leave()} />
    </nav>
  );
}
