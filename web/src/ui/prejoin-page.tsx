// Before going in: how do I look, can I be heard, what is my name.

import { useEffect, useState } from "preact/hooks";
import { watchLevel } from "../media/level";
import { readable } from "../protocol/place";
import { Avatar } from "./avatar";
import { DeviceMenu } from "./device-menu";
import { Icon } from "./icons";
import { useCall } from "./use-call";
import { Video } from "./video";

export function PrejoinPage({ join }: { join: () => void }) {
  const call = useCall();
  const { mic, camera, problem } = call.devices;
  const submit = (event: Event) => {
    event.preventDefault();
    join();
  };
  return (
    <main class="page prejoin">
      <section class="preview" aria-label="Preview">
        {camera ? <Video track={camera} mirrored /> : <Avatar name={call.name || "You"} seed={call.name} />}
        <div class="preview-bar">
          <button type="button" class="round" data-testid="prejoin-mic" aria-pressed={mic !== null} aria-label="Microphone" onClick={() => void call.toggleMic()}>
            <Icon name={mic ? "mic" : "micOff"} />
          </button>
          <button type="button" class="round" data-testid="prejoin-camera" aria-pressed={camera !== null} aria-label="Camera" onClick={() => void call.toggleCamera()}>
            <Icon name={camera ? "camera" : "cameraOff"} />
          </button>
        </div>
      </section>
      <form class="card" onSubmit={submit}>
        <h1>{readable(call.place.room)}</h1>
        <label class="field">
          <span>Your name</span>
          <input
            data-testid="prejoin-name"
            value={call.name}
            maxLength={60}
            placeholder="How others will see you"
            autocomplete="name"
            autofocus
            onInput={(event) => call.rename(event.currentTarget.value)}
          />
        </label>
        <DeviceMenu kind="audioinput" />
        {mic && <LevelMeter track={mic} />}
        <DeviceMenu kind="videoinput" />
        {problem !== "" && (
          <p class="problem" role="status">
            {problem}
          </p>
        )}
        <button class="button primary wide" data-testid="prejoin-join" type="submit">
          Join
        </button>
      </form>
    </main>
  );
}

function LevelMeter({ track }: { track: MediaStreamTrack }) {
  const [level, setLevel] = useState(0);
  useEffect(() => watchLevel(track, setLevel), [track]);
  return (
    <div class="level" role="img" aria-label="Microphone level">
      <div class="level-bar" style={{ transform: `scaleX(${level.toFixed(2)})` }} />
    </div>
  );
}
