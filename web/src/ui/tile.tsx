// One picture with the name of whom it shows.

import { useEffect, useRef } from "preact/hooks";
import { displayName } from "../protocol/meeting/state";
import { Avatar } from "./avatar";
import { Icon } from "./icons";
import type { TileModel } from "./tiles";
import { useCall } from "./use-call";
import { Video } from "./video";
import type { Viewport } from "./viewport";

export function Tile({ tile, viewport, style }: { tile: TileModel; viewport: Viewport; style?: Record<string, string> }) {
  const call = useCall();
  const element = useRef<HTMLDivElement>(null);
  const { person, self, kind, track } = tile;
  useEffect(() => (element.current ? viewport.watch(element.current, tile) : undefined), [tile.key, viewport]);
  const { dominant, speaking, silent, quality } = call.state;
  const camera = kind === "camera";
  const speaks = camera && person.mic && (speaking.includes(person.nick) || (person.nick !== "" && person.nick === dominant));
  const pinned = call.pinned === tile.key;
  const name = displayName(person);
  const label = `${self ? "You" : name}${camera ? "" : ", screen"}. ${pinned ? "Unpin" : "Show on the stage"}`;
  const pin = () => call.set({ pinned: pinned ? "" : tile.key });
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    pin();
  };
  return (
    <div
      ref={element}
      class="tile"
      style={style}
      data-testid="tile"
      data-nick={person.nick}
      data-self={String(self)}
      data-kind={kind}
      data-speaking={String(speaks)}
      data-pinned={String(pinned)}
      role="button"
      tabIndex={0}
      aria-label={label}
      onClick={pin}
      onKeyDown={press}
    >
      {track ? <Video track={track} mirrored={self && camera} whole={!camera} /> : camera ? <Avatar name={name} seed={person.nick} /> : <p class="waiting">Waiting for the screen…</p>}
      {camera && person.hand > 0 && (
        <span class="badge hand" title="Hand raised">
          <Icon name="hand" />
        </span>
      )}
      {pinned && (
        <span class="badge pin">
          <Icon name="pin" />
        </span>
      )}
      <div class="plate">
        {camera && !person.mic && <Icon name="micOff" />}
        {!camera && <Icon name="share" />}
        <span class="name">{self ? `${person.name || "You"}${person.name ? " (you)" : ""}` : name}</span>
        {camera && <Quality value={silent.includes(person.nick) ? 0 : quality[person.nick]} />}
      </div>
    </div>
  );
}

function Quality({ value }: { value: number | undefined }) {
  if (value === undefined || value >= 80) return null;
  const level = value >= 50 ? "fair" : "poor";
  const text = value === 0 ? "Connection interrupted" : `Connection ${level}`;
  return (
    <span class={`quality ${level}`} title={text} role="img" aria-label={text}>
      <Icon name="signal" />
    </span>
  );
}
