import { expect, test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('two rooms do not see, hear or read each other', async () => {
  const [ada, ben] = await world.meeting('north', 'Ada', 'Ben');
  const [cleo, dan] = await world.meeting('south', 'Cleo', 'Dan');
  for (const [person, other] of [
    [ada!, ben!],
    [ben!, ada!],
    [cleo!, dan!],
    [dan!, cleo!],
  ] as const) {
    await person.sees(other);
    await flowing(person.page, 'video', 1);
    await flowing(person.page, 'audio', 1);
  }
  await ada!.says('north only');
  await cleo!.says('south only');
  await ben!.reads(ada!, 'north only');
  await dan!.reads(cleo!, 'south only');
  expect(JSON.stringify(await ben!.chatLines())).not.toContain('south only');
  expect(JSON.stringify(await dan!.chatLines())).not.toContain('north only');
});

test('the same room of two tenants is two rooms', async () => {
  const ada = await world.join('east/plaza', 'Ada');
  const ben = await world.join('west/plaza', 'Ben');
  const cleo = await world.join('west/plaza', 'Cleo');
  await cleo.sees(ben);
  await ben.sees(cleo);
  await flowing(ben.page, 'video', 1);
  await ada.sees();
});
