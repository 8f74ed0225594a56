import { expect, test } from 'vitest';

import { flowing } from '../support/media.ts';
import { OUT } from '../support/out.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('three people see and hear each other', async () => {
  const [ada, ben, cleo] = await world.meeting('three', 'Ada', 'Ben', 'Cleo');
  await ada!.sees(ben!, cleo!);
  await ben!.sees(ada!, cleo!);
  await cleo!.sees(ada!, ben!);
  for (const person of [ada!, ben!, cleo!]) {
    await flowing(person.page, 'video', 2);
    await flowing(person.page, 'audio', 2);
  }
  await ada!.watches(ben!);
  await ada!.watches(cleo!);
  await ada!.page.screenshot({ path: `${OUT}three.png` });
});

test('somebody alone sees no one, and comes in by the page that asks for a name', async () => {
  const ada = await world.joinByHand('alone', 'Ada');
  await ada.sees();
  expect(await ada.at('tile').count()).toBe(1);
});
