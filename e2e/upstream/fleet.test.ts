import { expect, test } from 'vitest';

import { Fleet } from '../support/fleet.ts';
import { flowing, videoGoesOn } from '../support/media.ts';
import { World } from '../support/world.ts';
import { Upstream } from './upstream.ts';

const world = World.on(() => Fleet.start());
const PLAIN = { p2p: { enabled: false }, flags: { ssrcRewritingEnabled: false } };

test('the shard of a meeting is killed, and upstream clients see nothing of it', async () => {
  const [ada, ben] = await meet('upstream-shard');
  const owner = await world.server.owner('upstream-shard');
  await owner.kill();
  await videoGoesOn(ada.page);
  await talk(ada, ben, 'on another shard');
  await videoGoesOn(ben.page);
  for (const client of [ada, ben]) await saw(client, { resumed: 0 });
  expect((await world.server.owner('upstream-shard')).name).not.toBe(owner.name);
  const cleo = await Upstream.join(world, 'upstream-shard', 'Cleo', PLAIN);
  await cleo.sees(ada, ben);
  await flowing(cleo.page, 'video', 2);
});

test('routers are killed, and upstream clients come back by themselves', async () => {
  const [ada, ben] = await meet('upstream-routers');
  for (const router of world.server.of('router')) {
    await world.server.restore();
    await router.kill();
    await videoGoesOn(ada.page);
    await talk(ada, ben, `without ${router.name}`);
  }
  for (const client of [ada, ben]) await saw(client, { resumed: 1 });
});

test('the bridge of a meeting is killed, and upstream clients go to the other', async () => {
  const [ada, ben] = await meet('upstream-bridge');
  const bridge = await world.server.bridge('upstream-bridge');
  await bridge.kill();
  for (const client of [ada, ben]) {
    await flowing(client.page, 'video', 1, 30_000);
    await flowing(client.page, 'audio', 1);
  }
  await talk(ada, ben, 'on another bridge');
  for (const client of [ada, ben]) await saw(client, { resumed: 0 });
  expect((await world.server.bridge('upstream-bridge')).name).not.toBe(bridge.name);
});

/** Two who see each other, on a fleet where nobody is dead. */
async function meet(room: string): Promise<[Upstream, Upstream]> {
  await world.server.restore();
  const ada = await Upstream.join(world, room, 'Ada', PLAIN);
  const ben = await Upstream.join(world, room, 'Ben', PLAIN);
  for (const client of [ada, ben]) await flowing(client.page, 'video', 1);
  return [ada, ben];
}

async function talk(from: Upstream, to: Upstream, text: string): Promise<void> {
  await from.says(text);
  await to.reads(from, text);
}

/** No error, and its connection taken up by itself at least so many times; never, where it is to see nothing. */
async function saw(client: Upstream, { resumed }: { resumed: number }): Promise<void> {
  const seen = await client.client();
  expect(seen.errors).toEqual([]);
  if (resumed === 0) expect(seen.resumed, `${client.name} resumed`).toBe(0);
  else expect(seen.resumed, `${client.name} resumed`).toBeGreaterThanOrEqual(resumed);
}
