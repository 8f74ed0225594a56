import { afterEach, beforeEach, expect, test } from 'vitest';

import { flowing } from '../support/media.ts';
import type { Person } from '../support/person.ts';
import { RawClient } from '../support/raw.ts';
import { World } from '../support/world.ts';

/** The domain of `althing up` where nothing else is set. */
const DOMAIN = 'meet.internal';
const ROOM = `bad@conference.${DOMAIN}`;

const world = World.forThisFile();
let raw: RawClient[] = [];

beforeEach(() => {
  raw = [];
});

afterEach(() => {
  for (const client of raw) client.destroy();
});

test('bytes that are no HTTP, and heads that never end', async () => {
  await besideAMeeting('bad-http', async () => {
    for (let count = 0; count < 200; count += 1) {
      const client = keep(await RawClient.connect(world.server.httpPort));
      client.bytes(count % 2 === 0 ? 'GET /xmpp-websocket?room=bad HTTP/1.1\r\nHost: x\r\nX-Slow: ' : '\x16\x03\x01\x02\x00\x01');
    }
  });
});

test('frames that are no XML, no stanza, or far too long', async () => {
  await besideAMeeting('bad-xml', async () => {
    for (const frame of [
      'hello',
      '<open',
      '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>',
      `${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}`,
      '<iq xmlns="jabber:client" type="set" id="1"><query/></iq>',
      `<message xmlns="jabber:client"><body>${'x'.repeat(3_000_000)}</body></message>`,
    ]) {
      const client = keep(await RawClient.upgraded(world.server.httpPort, 'bad'));
      client.text(frame);
      await client.dropped();
    }
  });
});

test('a client that is logged in and means no good', async () => {
  await besideAMeeting('bad', async ([ada, ben]) => {
    const [client, jid] = await RawClient.loggedIn(world.server.httpPort, 'bad', DOMAIN);
    keep(client);
    const nick = await ben!.nick();
    const iq = (id: string, to: string, body: string): void =>
      client.text(`<iq xmlns="jabber:client" type="set" id="${id}" to="${to}">${body}</iq>`);

    // Kicking, muting and expiring from outside the room.
    iq('k1', ROOM, `<query xmlns="http://jabber.org/protocol/muc#admin"><item nick="${nick}" role="none"/></query>`);
    iq('m1', `${ROOM}/focus`, `<mute xmlns="http://jitsi.org/jitmeet/audio" jid="${ROOM}/${nick}">true</mute>`);
    iq('c1', `${ROOM}/focus`, '<conference-modify xmlns="jitsi:colibri2" meeting-id="x"/>');
    iq('t1', `${ROOM}/focus`, '<jingle xmlns="urn:xmpp:jingle:1" action="session-terminate" sid="guess"/>');
    // In somebody else's name, and under somebody else's nick.
    client.text(`<message xmlns="jabber:client" type="groupchat" from="${ROOM}/${nick}" to="${ROOM}"><body>forged</body></message>`);
    client.text(`<presence xmlns="jabber:client" to="${ROOM}/${nick}"><x xmlns="http://jabber.org/protocol/muc"/></presence>`);
    client.text(`<presence xmlns="jabber:client" from="${jid}" to="${ROOM}/focus"><x xmlns="http://jabber.org/protocol/muc"/></presence>`);
    for (const id of ['k1', 'm1', 'c1', 't1']) {
      expect(await client.frame(`id="${id}"`, `the answer to ${id}`).catch(() => client.frame(`id='${id}'`, id))).toMatch(/error/);
    }
    await ada!.sees(ben!);
    expect(JSON.stringify(await ada!.chatLines())).not.toContain('forged');
  });
});

test('one that floods the room is not the end of it', async () => {
  await besideAMeeting('bad', async ([ada, ben]) => {
    const [client] = await RawClient.loggedIn(world.server.httpPort, 'bad', DOMAIN);
    keep(client);
    for (let count = 0; count < 2_000; count += 1) {
      client.text(`<iq xmlns="jabber:client" type="get" id="f${count}" to="${DOMAIN}"><ping xmlns="urn:xmpp:ping"/></iq>`);
    }
    await ben!.sees(ada!);
  });
});

/** Lets a meeting of two run, does something bad, and checks that the meeting noticed nothing. */
async function besideAMeeting(room: string, act: (people: Person[]) => Promise<void>): Promise<void> {
  const people = await world.meeting(room, 'Ada', 'Ben');
  await flowing(people[0]!.page, 'video', 1);
  await act(people);
  expect(await world.server.healthy()).toBe(true);
  await people[0]!.says('all is well');
  await people[1]!.reads(people[0]!, 'all is well');
  await flowing(people[0]!.page, 'video', 1);
  await flowing(people[1]!.page, 'audio', 1);
}

function keep(client: RawClient): RawClient {
  raw.push(client);
  return client;
}
