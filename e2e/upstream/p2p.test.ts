import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { until } from '../support/wait.ts';
import { World } from '../support/world.ts';
import { Upstream } from './upstream.ts';

const world = World.forThisFile();
const P2P = { p2p: { enabled: true, stunServers: [] as [] } };

test('two talk to each other directly, and a third brings them back to the bridge', async () => {
  const ada = await Upstream.join(world, 'direct', 'Ada', P2P);
  const ben = await Upstream.join(world, 'direct', 'Ben', P2P);
  for (const client of [ada, ben]) {
    await until(`${client.name} is in a direct session`, async () => (await client.client()).p2p);
    await flowing(client.page, 'video', 1);
    await flowing(client.page, 'audio', 1);
  }
  const cleo = await Upstream.join(world, 'direct', 'Cleo', P2P);
  for (const client of [ada, ben, cleo]) {
    await until(`${client.name} is back on the bridge`, async () => !(await client.client()).p2p);
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
