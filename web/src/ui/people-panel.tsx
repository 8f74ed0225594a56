// Who is here: raised hands first, and what a moderator may do about each.

import { displayName, type Person } from "../protocol/meeting/state";
import { Avatar } from "./avatar";
import { Icon, type IconName } from "./icons";
import { PanelFrame } from "./panel";
import { useCall } from "./use-call";

export function PeoplePanel() {
  const call = useCall();
  const { self, people } = call.state;
  const others = [...people].sort((a, b) => (a.hand || Infinity) - (b.hand || Infinity) || displayName(a).localeCompare(displayName(b)));
  return (
    <PanelFrame title={`People (${people.length + 1})`}>
      <ul class="people">
        <Entry person={self} self />
        {others.map((person) => (
          <Entry key={person.nick} person={person} self={false} />
        ))}
      </ul>
    </PanelFrame>
  );
}

function Entry({ person, self }: { person: Person; self: boolean }) {
  const call = useCall();
  const name = displayName(person);
  const power = call.state.self.moderator && !self;
  const write = () => {
    call.set({ chatTo: person.nick });
    call.set({ panel: "chat" });
  };
  return (
    <li class="person" data-testid="person" data-nick={person.nick} data-hand={String(person.hand > 0)} data-mic={person.mic ? "on" : "off"}>
      <Avatar name={name} seed={person.nick} />
      <div class="who">
        <span class="name">{self ? `${person.name || "You"} (you)` : name}</span>
        {person.moderator && <span class="muted small">Moderator</span>}
      </div>
      {person.hand > 0 && (
        <span class="badge hand" title="Hand raised">
          <Icon name="hand" />
        </span>
      )}
      {power && person.mic ? (
        <Action id="mute" icon="mic" label={`Mute ${name}`} press={() => void call.meeting?.moderator.mute(person.nick)} />
      ) : (
        <span class="state" title={person.mic ? "Microphone on" : "Microphone off"}>
          <Icon name={person.mic ? "mic" : "micOff"} />
        </span>
      )}
      <div class="actions">
        {!self && <Action id="message" icon="chat" label={`Write to ${name} privately`} press={write} />}
        {power && !person.moderator && <Action id="grant" icon="star" label={`Make ${name} a moderator`} press={() => void call.meeting?.moderator.grant(person.nick)} />}
        {power && <Action id="kick" icon="remove" label={`Remove ${name}`} press={() => void call.meeting?.moderator.kick(person.nick)} />}
      </div>
    </li>
  );
}

function Action({ id, icon, label, press }: { id: string; icon: IconName; label: string; press: () => void }) {
  return (
    <button class="plain" data-testid={`person-${id}`} aria-label={label} title={label} onClick={press}>
      <Icon name={icon} />
    </button>
  );
}
