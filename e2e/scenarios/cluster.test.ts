import { expect, test } from 'vitest';

import { flowing, videoGoesOn } from '../support/media.ts';
import { Notice } from '../support/notice.ts';
import { World } from '../support/world.ts';

const world = World.forThisFile(['--shards', '2', '--bridges', '1', '--routers', '1', '--no-restart']);

interface Node {
  id: string;
  pid: number;
}

test('the shard of a meeting is killed: the other takes it over, media flow on, nobody reconnects', async () => {
  const [ada, ben] = await world.meeting('moves', 'Ada', 'Ben');
  await flowing(ada!.page, 'video', 1);
  await flowing(ben!.page, 'video', 1);
  await ada!.says('before');
  await ben!.reads(ada!, 'before');

  const owner = (await world.server.admin<{ shard: string }>('/api/v1/meetings/moves')).shard;
  const nodes = await world.server.admin<Node[]>('/api/v1/nodes');
  const notice = await Notice.of(ben!, ada!);
  process.kill(nodes.find((node) => node.id === owner)!.pid, 'SIGKILL');
  for (const person of [ada!, ben!]) await videoGoesOn(person.page);
  await notice.heard();
  const { lost, doubled, disordered, reconnections } = await notice.end();
  expect({ lost, doubled, disordered, reconnections }).toEqual({ lost: 0, doubled: 0, disordered: 0, reconnections: 0 });

  await ben!.says('after');
  await ada!.reads(ben!, 'after');
  await ben!.reads(ada!, 'before');
  await ada!.sees(ben!);
  const now = (await world.server.admin<{ shard: string }>('/api/v1/meetings/moves')).shard;
  expect(now).not.toBe(owner);

  const cleo = await world.join('moves', 'Cleo');
  await flowing(cleo.page, 'video', 2);
  await flowing(ada!.page, 'video', 2);
});
