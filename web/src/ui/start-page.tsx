// Where no room is named: choose one.

import { useState } from "preact/hooks";
import { recentRooms } from "../media/preferences";
import { readable, roomName, suggestRoom } from "../protocol/place";

export function StartPage() {
  const [suggestion] = useState(() => suggestRoom());
  const [typed, type] = useState("");
  const recent = recentRooms();
  const start = (event: Event) => {
    event.preventDefault();
    const room = roomName(typed) || suggestion;
    location.assign(`/${room}`);
  };
  return (
    <main class="page start">
      <div class="card">
        <img class="mark" src="/icon.svg" alt="" width="44" height="44" />
        <h1>Start or join a meeting</h1>
        <p class="muted">Choose a name and share its link. Nothing to install, no account.</p>
        <form onSubmit={start}>
          <label for="room">Meeting name</label>
          <div class="row">
            <input
              id="room"
              data-testid="room-input"
              value={typed}
              placeholder={suggestion}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              autofocus
              onInput={(event) => type(event.currentTarget.value)}
            />
            <button class="button primary" data-testid="start-button" type="submit">
              Go
            </button>
          </div>
        </form>
        {recent.length > 0 && (
          <nav aria-label="Recent meetings">
            <h2>Recent</h2>
            <ul class="recent">
              {recent.map((room) => (
                <li key={room}>
                  <a href={`/${room}`}>{readable(room)}</a>
                </li>
              ))}
            </ul>
          </nav>
        )}
      </div>
    </main>
  );
}
