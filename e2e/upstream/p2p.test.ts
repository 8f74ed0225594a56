import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';
import { P2P, Upstream } from './upstream.ts';

const world = World.forThisFile();

test('two talk to each other directly, and a third brings them back to the bridge', async () => {
  const ada = await Upstream.join(world, 'direct', 'Ada', P2P);
  const ben = await Upstream.join(world, 'direct', 'Ben', P2P);
  for (const client of [ada, ben]) {
    await client.isDirect(true);
    await flowing(client.page, 'video', 1);
    await flowing(client.page, 'audio', 1);
  }
  const cleo = await Upstream.join(world, 'direct', 'Cleo', P2P);
  for (const client of [ada, ben, cleo]) {
    await client.isDirect(false);
    await flowing(client.page, 'video', 2);
    await flowing(client.page, 'audio', 2);
  }
});

test('one that offers a direct session to ours stays on the bridge', async () => {
  const ada = await world.join('declined', 'Ada');
  const ben = await Upstream.join(world, 'declined', 'Ben', P2P);
  for (const { page } of [ada, ben]) {
    await flowing(page, 'video', 1);
    await flowing(page, 'audio', 1);
  }
});
