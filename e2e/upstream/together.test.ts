import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';
import { P2P, Upstream } from './upstream.ts';

const world = World.forThisFile();

test('an upstream client and ours are in one meeting', async () => {
  const ada = await world.join('together', 'Ada');
  const ben = await Upstream.join(world, 'together', 'Ben');
  await ada.sees(ben);
  await ben.sees(ada);
  for (const { page } of [ada, ben]) {
    await flowing(page, 'video', 1);
    await flowing(page, 'audio', 1);
  }
  await ada.watches(ben);

  await ada.says('hello from ours');
  await ben.reads(ada, 'hello from ours');
  await ben.says('hello from upstream');
  await ada.reads(ben, 'hello from upstream');

  await ben.sends('audio', false);
  await flowing(ada.page, 'audio', 0);
  await ben.sends('audio', true);
  await flowing(ada.page, 'audio', 1);
});

test('ours joins two upstream clients', async () => {
  const ada = await Upstream.join(world, 'mixed', 'Ada', P2P);
  const ben = await Upstream.join(world, 'mixed', 'Ben', P2P);
  // The client's own race: it ignores the return to the bridge while it still turns to the direct session.
  for (const one of [ada, ben]) await one.isDirect(true);
  const cleo = await world.join('mixed', 'Cleo');
  await cleo.sees(ada, ben);
  for (const { page } of [ada, ben, cleo]) {
    await flowing(page, 'video', 2);
    await flowing(page, 'audio', 2);
  }
});

test('an upstream moderator mutes and kicks ours', async () => {
  const ada = await Upstream.join(world, 'upstream-moderates', 'Ada');
  const ben = await world.join('upstream-moderates', 'Ben');
  await flowing(ada.page, 'audio', 1);
  await ada.mutes(ben);
  await flowing(ada.page, 'audio', 0);
  await ada.kicks(ben);
  await ben.state('kicked');
  await ada.sees();
});

test('our moderator kicks an upstream client', async () => {
  const ada = await world.join('ours-moderates', 'Ada');
  const ben = await Upstream.join(world, 'ours-moderates', 'Ben');
  await ada.sees(ben);
  await (await ada.entry(ben)).getByTestId('person-kick').click();
  await ben.is('kicked');
  await ada.sees();
});
