import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('a shared screen is seen beside the camera, and goes again', async () => {
  const [ada, ben] = await world.meeting('screen', 'Ada', 'Ben');
  await flowing(ben!.page, 'video', 1);

  await ada!.press('toolbar-share');
  await ben!.seesScreenOf(ada!);
  await ben!.watches(ada!, 'desktop');
  await flowing(ben!.page, 'video', 2);

  await ada!.press('toolbar-share');
  await ben!.seesScreenOf();
  await ben!.sees(ada!);
  await flowing(ben!.page, 'video', 1);
});

test('who comes later sees the shared screen too', async () => {
  const [ada] = await world.meeting('screen-late', 'Ada', 'Ben');
  await ada!.press('toolbar-share');
  const cleo = await world.join('screen-late', 'Cleo');
  await cleo.seesScreenOf(ada!);
  await cleo.watches(ada!, 'desktop');
  await flowing(cleo.page, 'video', 3);
});
