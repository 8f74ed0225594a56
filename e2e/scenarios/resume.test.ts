import { expect, test } from 'vitest';

import { flowing, videoGoesOn } from '../support/media.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('a cut connection is taken up again, and media never stop', async () => {
  const [ada, ben] = await world.meeting('cut', 'Ada', 'Ben');
  await flowing(ada!.page, 'video', 1);
  await flowing(ben!.page, 'video', 1);

  world.wire.sever();
  await ada!.state('reconnecting');
  await ben!.state('reconnecting');
  await videoGoesOn(ada!.page);
  await videoGoesOn(ben!.page);
  world.wire.mend();
  await ada!.state('joined');
  await ben!.state('joined');
  await videoGoesOn(ada!.page);

  await ada!.says('still here');
  await ben!.reads(ada!, 'still here');
  await ada!.sees(ben!);
});

test('what is said while one is away is read once afterwards', async () => {
  const [ada, ben] = await world.meeting('away', 'Ada', 'Ben');
  await ben!.sees(ada!);
  await ben!.open('toolbar-chat', 'chat-input');
  world.wire.sever();
  await ben!.state('reconnecting');
  await ada!.state('reconnecting');
  await ada!.says('said in the dark');
  world.wire.mend();
  await ben!.state('joined');
  await ben!.reads(ada!, 'said in the dark');
  const lines = (await ben!.chatLines()).filter((line) => line.text.includes('said in the dark'));
  expect(lines.length).toBe(1);
});

test('many short cuts do no harm', async () => {
  const [ada, ben] = await world.meeting('shaky', 'Ada', 'Ben');
  await flowing(ada!.page, 'video', 1);
  for (const round of ['one', 'two', 'three', 'four', 'five']) {
    world.wire.cut();
    await ada!.says(`round ${round}`);
    await ben!.reads(ada!, `round ${round}`);
  }
  await flowing(ada!.page, 'video', 1);
  await flowing(ben!.page, 'audio', 1);
});
