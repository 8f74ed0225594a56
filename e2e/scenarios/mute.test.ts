import { expect, test } from 'vitest';

import { flowing } from '../support/media.ts';
import type { Person } from '../support/person.ts';
import { until } from '../support/wait.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile();

test('who mutes is not heard, and is shown as muted', async () => {
  const [ada, ben] = await world.meeting('mute', 'Ada', 'Ben');
  await flowing(ben!.page, 'audio', 1);
  await ada!.press('toolbar-mic');
  await hasMicrophone(ben!, ada!, 'off');
  await flowing(ben!.page, 'audio', 0);

  await ada!.press('toolbar-mic');
  await hasMicrophone(ben!, ada!, 'on');
  await flowing(ben!.page, 'audio', 1);
});

test('who turns the camera off is not seen, and is again later', async () => {
  const [ada, ben] = await world.meeting('camera', 'Ada', 'Ben');
  await flowing(ben!.page, 'video', 1);
  await ada!.press('toolbar-camera');
  await flowing(ben!.page, 'video', 0);
  await flowing(ben!.page, 'audio', 1);
  await ada!.press('toolbar-camera');
  await flowing(ben!.page, 'video', 1);
});

test('a moderator mutes somebody', async () => {
  const [ada, ben] = await world.meeting('muted', 'Ada', 'Ben');
  await flowing(ada!.page, 'audio', 1);
  await (await ada!.entry(ben!)).getByTestId('person-mute').click();
  await flowing(ada!.page, 'audio', 0);
  await hasMicrophone(ada!, ben!, 'off');
});

test('who is no moderator is not offered to mute or kick', async () => {
  const [ada, ben] = await world.meeting('no-power', 'Ada', 'Ben');
  const entry = await ben!.entry(ada!);
  expect(await entry.getByTestId('person-kick').count()).toBe(0);
});

async function hasMicrophone(viewer: Person, other: Person, wanted: 'on' | 'off'): Promise<void> {
  const entry = await viewer.entry(other);
  await until(
    `${viewer.name} sees the microphone of ${other.name} ${wanted}`,
    async () => (await entry.getAttribute('data-mic')) === wanted,
  );
}
