// Choosing microphone, camera and speakers.

import type { DeviceKind } from "../media/devices";
import { useCall } from "./use-call";

const NAMES: Record<DeviceKind, string> = { audioinput: "Microphone", videoinput: "Camera", audiooutput: "Speakers" };

export function DeviceMenu({ kind }: { kind: DeviceKind }) {
  const { devices } = useCall();
  const all = devices.list.filter((device) => device.kind === kind);
  if (all.length === 0) return null;
  const chosen = all.find((device) => device.deviceId === devices.chosen(kind)) ?? all[0];
  return (
    <label class="field">
      <span>{NAMES[kind]}</span>
      <select value={chosen?.deviceId} onChange={(event) => void devices.choose(kind, event.currentTarget.value)}>
        {all.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `${NAMES[kind]} ${index + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}
