// Keeps the list of the others as the room tells it.

import type { Room } from "../room/room";
import { displayName, personOf, type Store } from "./state";

export interface PeopleHandler {
  came(name: string): void;
  left(nick: string, name: string): void;
}

export function followPeople(room: Room, store: Store, handler: PeopleHandler): void {
  room.on("occupant", (occupant) => {
    const person = personOf(occupant);
    const { people } = store.state;
    const known = people.some((one) => one.nick === person.nick);
    const next = known ? people.map((one) => (one.nick === person.nick ? person : one)) : [...people, person];
    store.patch({ people: next, mediaExpected: true });
    if (!known) handler.came(displayName(person));
  });
  room.on("left", (nick) => {
    const person = store.state.people.find((one) => one.nick === nick);
    const people = store.state.people.filter((one) => one.nick !== nick);
    store.patch({ people, mediaExpected: people.length > 0 });
    if (person) handler.left(nick, displayName(person));
  });
}
