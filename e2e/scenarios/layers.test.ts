import { expect, test } from 'vitest';

import { flowing, tallest } from '../support/media.ts';
import { until } from '../support/wait.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('a picture is as tall as it is shown: more on the stage, less in the grid', async () => {
  const [ada, ben, cleo] = await world.meeting('layers', 'Ada', 'Ben', 'Cleo');
  await flowing(ada!.page, 'video', 2);
  const grid = await until('a small picture in the grid', async () => {
    const height = await tallest(ada!.page);
    return height > 0 && height <= 360 ? height : undefined;
  });

  await (await ada!.tile(ben!)).click();
  const stage = await until('a taller picture on the stage', async () => {
    const height = await tallest(ada!.page);
    return height > grid ? height : undefined;
  });
  expect(stage).toBeGreaterThanOrEqual(360);

  await ada!.press('toolbar-layout');
  await until('a small picture in the grid again', async () => {
    const height = await tallest(ada!.page);
    return height > 0 && height <= grid;
  });
  await ada!.sees(ben!, cleo!);
});
