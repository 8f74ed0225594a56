import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';
import { type Overrides, Upstream } from './upstream.ts';

const world = World.forThisFile();
const PLAIN: Overrides = { p2p: { enabled: false }, flags: { ssrcRewritingEnabled: false } };

test('two upstream clients as the server configures them', () => twoMeet('as-configured', {}));

test('two upstream clients without rewriting', () => twoMeet('plain', PLAIN));

// COMPAT: the stock application advertises rewriting unless its config says no; the server may go on without it.
test('two upstream clients that can rewrite', () =>
  twoMeet('rewriting', { p2p: { enabled: false }, flags: { ssrcRewritingEnabled: true } }));

test('two upstream clients with the channel over WebSocket', () =>
  twoMeet('websocket', { ...PLAIN, bridgeChannel: { preferSctp: false } }));

test('three upstream clients', async () => {
  const ada = await Upstream.join(world, 'three-upstream', 'Ada', PLAIN);
  const ben = await Upstream.join(world, 'three-upstream', 'Ben', PLAIN);
  const cleo = await Upstream.join(world, 'three-upstream', 'Cleo', PLAIN);
  for (const client of [ada, ben, cleo]) {
    await flowing(client.page, 'video', 2);
    await flowing(client.page, 'audio', 2);
  }
  await cleo.leaves();
  await ada.sees(ben);
  await flowing(ada.page, 'video', 1);
  await flowing(ben.page, 'audio', 1);
});

async function twoMeet(room: string, overrides: Overrides): Promise<void> {
  const ada = await Upstream.join(world, room, 'Ada', overrides);
  const ben = await Upstream.join(world, room, 'Ben', overrides);
  await ada.sees(ben);
  await ben.sees(ada);
  for (const client of [ada, ben]) {
    await flowing(client.page, 'video', 1);
    await flowing(client.page, 'audio', 1);
  }
}
