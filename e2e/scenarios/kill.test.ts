import { test } from 'vitest';

import { flowing } from '../support/media.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('the process is killed and started again: streams and media come back without a reload', async () => {
  const [ada, ben, cleo] = await world.meeting('phoenix', 'Ada', 'Ben', 'Cleo');
  await flowing(ada!.page, 'video', 2);
  await ada!.says('before');
  await ben!.reads(ada!, 'before');

  await world.server.kill();
  await ada!.state('reconnecting');
  await world.server.restart();

  for (const person of [ada!, ben!, cleo!]) await person.state('joined');
  await ada!.says('after');
  await ben!.reads(ada!, 'after');
  await cleo!.reads(ada!, 'after');
  for (const person of [ada!, ben!, cleo!]) {
    await flowing(person.page, 'video', 2, 60_000);
    await flowing(person.page, 'audio', 2);
  }
  await ada!.sees(ben!, cleo!);
});

test('somebody new comes in after the restart', async () => {
  const [ada] = await world.meeting('phoenix-again', 'Ada');
  await world.server.kill();
  await world.server.restart();
  await ada!.state('joined');
  const ben = await world.join('phoenix-again', 'Ben');
  await ada!.sees(ben);
  await flowing(ada!.page, 'video', 1);
  await flowing(ben.page, 'video', 1);
});
