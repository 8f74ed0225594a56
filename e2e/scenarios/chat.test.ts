import { expect, test } from 'vitest';

import { World } from '../support/world.ts';

const world = World.forThisFile();

test('what one says in the chat is read by all', async () => {
  const [ada, ben, cleo] = await world.meeting('chat', 'Ada', 'Ben', 'Cleo');
  await ada!.says('good morning <b>all</b> & sundry');
  for (const person of [ada!, ben!, cleo!]) {
    await person.reads(ada!, 'good morning <b>all</b> & sundry');
  }
  await cleo!.says('Grüße 🦉');
  await ada!.reads(cleo!, 'Grüße 🦉');
});

test('a private line is read by one', async () => {
  const [ada, ben, cleo] = await world.meeting('private', 'Ada', 'Ben', 'Cleo');
  await (await ada!.entry(ben!)).getByTestId('person-message').click();
  await ada!.at('chat-input').fill('for you alone');
  await ada!.press('chat-send');
  await ben!.reads(ada!, 'for you alone');

  // Cleo has read what came after it, so it would be there by now.
  await ben!.at('chat-line').first().waitFor();
  const group = await world.join('private', 'Dora');
  await group.says('for everybody');
  await cleo!.reads(group, 'for everybody');
  const lines = await cleo!.chatLines();
  expect(lines.filter((line) => line.text.includes('for you alone'))).toEqual([]);
});
