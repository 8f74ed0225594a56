import { afterAll, describe, expect, test } from 'vitest';

import { Fleet, type Hosts } from '../support/fleet.ts';
import { Net } from '../support/hosts.ts';
import { Trial } from '../support/trials.ts';
import { World } from '../support/world.ts';

describe.skipIf(!Net.possible)('a shard is separated from', () => {
  let net: Net;
  let hosts: Hosts;

  afterAll(() => net?.remove());

  /** The engines and each shard on networks of their own, with a cable to everybody else. */
  const world = World.on(() => {
    net = Net.make();
    hosts = { engines: net.host(), shards: [net.host(), net.host(), net.host()], others: net.here };
    return Fleet.start(hosts);
  });

  test('the engines, and comes back', async () => {
    const trial = await Trial.begin(world, 'no-engine');
    const owner = await world.server.owner('no-engine');
    net.separate(owner.host, hosts.engines);
    await trial.chat('without an engine');
    await trial.mediaGoOn();
    net.rejoin(owner.host, hosts.engines);
    await trial.mediaGoOn();
    await trial.goesOn();
  });

  test('routers and bridges, and comes back', async () => {
    const trial = await Trial.begin(world, 'no-routers');
    const owner = await world.server.owner('no-routers');
    net.separate(owner.host, hosts.others);
    await trial.mediaGoOn();
    await trial.goesOn();
    const heir = await world.server.owner('no-routers');
    expect(heir.name).not.toBe(owner.name);
    net.rejoin(owner.host, hosts.others);
    await trial.chat('together again');
    await trial.mediaGoOn();
    expect((await world.server.owner('no-routers')).name).toBe(heir.name);
  });

  test('everybody, and comes back', async () => {
    const trial = await Trial.begin(world, 'island');
    const owner = await world.server.owner('island');
    for (const other of [hosts.engines, hosts.others]) net.separate(owner.host, other);
    await trial.mediaGoOn();
    await trial.goesOn();
    const heir = await world.server.owner('island');
    expect(heir.name).not.toBe(owner.name);
    for (const other of [hosts.engines, hosts.others]) net.rejoin(owner.host, other);
    await trial.chat('together again');
    await trial.mediaGoOn();
    expect((await world.server.owner('island')).name).toBe(heir.name);
  });
});
