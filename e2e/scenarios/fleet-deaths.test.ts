import { expect, test } from 'vitest';

import { Fleet } from '../support/fleet.ts';
import { Trial } from '../support/trials.ts';
import { World } from '../support/world.ts';

const world = World.on(() => Fleet.start());

test('the shard of a meeting is killed', async () => {
  const trial = await Trial.begin(world, 'shard');
  const owner = await world.server.owner('shard');
  await owner.kill();
  await trial.mediaGoOn();
  await trial.goesOn();
  expect((await world.server.owner('shard')).name).not.toBe(owner.name);
});

test('the shard of a meeting stands still, and wakes when the meeting is elsewhere', async () => {
  const trial = await Trial.begin(world, 'zombie');
  const owner = await world.server.owner('zombie');
  owner.freeze();
  await trial.mediaGoOn();
  await trial.goesOn();
  const heir = await world.server.owner('zombie');
  expect(heir.name).not.toBe(owner.name);

  owner.thaw();
  await expect.poll(() => owner.ready(), { timeout: 20_000 }).toBe(true);
  await trial.chat('the zombie is awake');
  await trial.mediaGoOn();
  expect((await world.server.owner('zombie')).name).toBe(heir.name);
});

test('all shards but one are killed', async () => {
  const trial = await Trial.begin(world, 'last');
  const owner = await world.server.owner('last');
  const [last, ...others] = world.server.of('shard').filter((shard) => shard.name !== owner.name);
  await Promise.all([owner, ...others].map((shard) => shard.kill()));
  await trial.mediaGoOn();
  await trial.goesOn();
  expect((await world.server.owner('last')).name).toBe(last!.name);
});

test('one router is killed after the other', async () => {
  const trial = await Trial.begin(world, 'routers');
  for (const router of world.server.of('router')) {
    await world.server.restore();
    await router.kill();
    await trial.mediaGoOn();
    await trial.chat(`without ${router.name}`);
  }
  await trial.goesOn();
});

test('the leader of the engines is killed', async () => {
  const trial = await Trial.begin(world, 'engines');
  const leader = await world.server.engines.leader();
  await leader.kill();
  await trial.chat('during the election');
  await trial.mediaGoOn();
  await trial.goesOn();
});

test('the bridge of a meeting is killed: media take the other', async () => {
  const trial = await Trial.begin(world, 'bridge');
  const bridge = await world.server.bridge('bridge');
  await bridge.kill();
  await trial.mediaComeBack();
  await trial.goesOn();
  expect((await world.server.bridge('bridge')).name).not.toBe(bridge.name);
});

test('everything is killed and started again', async () => {
  const trial = await Trial.begin(world, 'phoenix');
  await world.server.killAll();
  await trial.ada.state('reconnecting');
  await world.server.restore();
  await trial.mediaComeBack(60_000);
  await trial.goesOn();
});
