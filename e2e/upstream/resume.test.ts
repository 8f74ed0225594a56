import { expect, test } from 'vitest';

import { flowing, videoGoesOn } from '../support/media.ts';
import { Hopeless, until } from '../support/wait.ts';
import { World } from '../support/world.ts';
import { Upstream } from './upstream.ts';

const world = World.forThisFile();
const PLAIN = { p2p: { enabled: false }, flags: { ssrcRewritingEnabled: false } };

test('a cut connection is resumed by the upstream client, and media never stop', async () => {
  const ada = await Upstream.join(world, 'upstream-cut', 'Ada', PLAIN);
  const ben = await Upstream.join(world, 'upstream-cut', 'Ben', PLAIN);
  await flowing(ada.page, 'video', 1);
  await flowing(ben.page, 'video', 1);
  world.wire.cut();
  // The upstream client waits 1.5 s at least before it tries again.
  await videoGoesOn(ada.page);
  await resumed(ada);
  await resumed(ben);
  await videoGoesOn(ada.page);
  await ada.says('still here');
  await ben.reads(ada, 'still here');
});

test('the process is killed and started again, and upstream clients notice no more than a pause', async () => {
  const ada = await Upstream.join(world, 'upstream-phoenix', 'Ada', PLAIN);
  const ben = await Upstream.join(world, 'upstream-phoenix', 'Ben', PLAIN);
  await flowing(ada.page, 'video', 1);
  await world.server.kill();
  await world.server.restart();
  await resumed(ada);
  await resumed(ben);
  await ada.says('after');
  await ben.reads(ada, 'after');
  for (const client of [ada, ben]) {
    await flowing(client.page, 'video', 1, 60_000);
    await flowing(client.page, 'audio', 1);
    expect((await client.client()).errors).toEqual([]);
  }
});

async function resumed(client: Upstream): Promise<void> {
  await until(`${client.name} resumed`, async () => {
    const { errors, resumed: times } = await client.client();
    if (errors.length > 0) throw new Hopeless(errors.join('; '));
    return times > 0;
  });
}
