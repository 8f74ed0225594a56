import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('who leaves is gone, and the others go on', async () => {
  const [ada, ben, cleo] = await world.meeting('leave', 'Ada', 'Ben', 'Cleo');
  await flowing(ada!.page, 'video', 2);
  await cleo!.press('toolbar-leave');
  await cleo!.at('left-page').waitFor();
  await ada!.sees(ben!);
  await ben!.sees(ada!);
  await flowing(ada!.page, 'video', 1);
  await flowing(ben!.page, 'audio', 1);
});

test('who leaves and comes back is seen again', async () => {
  const [ada, ben] = await world.meeting('return', 'Ada', 'Ben');
  await flowing(ada!.page, 'video', 1);
  await ben!.press('toolbar-leave');
  await ada!.sees();
  const again = await world.join('return', 'Ben');
  await ada!.sees(again);
  await flowing(ada!.page, 'video', 1);
  await flowing(again.page, 'video', 1);
});

test('a kicked person is told and is gone', async () => {
  const [ada, ben, cleo] = await world.meeting('kick', 'Ada', 'Ben', 'Cleo');
  await flowing(ada!.page, 'video', 2);
  await (await ada!.entry(cleo!)).getByTestId('person-kick').click();
  await cleo!.state('kicked');
  await ada!.sees(ben!);
  await ben!.sees(ada!);
  await flowing(ben!.page, 'video', 1);
});
