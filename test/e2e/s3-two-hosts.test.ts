import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import { capture, expectRefusal, listImages } from './support/captures.ts';
import { readDiskChains } from './support/disk-chains.ts';
import { waitForAgent, writeGuestFile } from './support/guest-agent.ts';
import { keepData, readDefinition } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createS3Site, type S3Site, writeKeyFile } from './support/s3-site.ts';
import { createSecondHost, type SecondHost } from './support/second-host.ts';
import { existing, type Machine, ownPlaces, shelve, showInstance, unshelve } from './support/shelf.ts';
import { hashDisk, takeSnapshot } from './support/snapshots.ts';
import { createTestFolder, uniqueName } from './support/test-folder.ts';
import { bootTinyGuest, defineTinyGuest } from './support/tiny-guest.ts';
import { domainExists, removeDomain } from './support/virsh.ts';

let site: S3Site;
let other: SecondHost;
let a: DarkroomHost;
let b: DarkroomHost;
beforeAll(async () => {
  site = await createS3Site();
  other = await createSecondHost();
  a = await createDarkroomHost({ store: site.store, env: { ...site.env, DARKROOM_HOST_NAME: 'host-a' } });
  b = await createDarkroomHost({
    store: site.store,
    uri: other.uri,
    env: { ...site.env, DARKROOM_HOST_NAME: 'host-b' },
  });
});
afterAll(async () => {
  await b?.[Symbol.asyncDispose]();
  await a?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

it('row 2: what one host captures another launches, thin on a copy of its own, which stays as long as it is needed', async () => {
  await using guest = await bootTinyGuest();
  await guest.writeFile('/stamp', 'taken on a');
  const image = await capture(a, guest, ['--name', uniqueName()]);
  expect(await site.keys(`images/${image.id}/`)).toEqual(
    ['disk-vda.qcow2', 'disk-vda.qcow2.parts', 'domain.xml', 'domain.xml.parts', 'manifest.json'].map(
      (name) => `images/${image.id}/${name}`,
    ),
  );
  expect(await listImages(b)).toEqual(await listImages(a));

  const name = uniqueName();
  await b.json(['instance', 'launch', name, '--image', image.name, '--clone', 'thin']);
  const launched = { uri: other.uri, name };
  try {
    await waitForAgent(launched);
    const [, backing] = (await readDiskChains(launched))['vda'] ?? [];
    expect(backing, 'its backing file').toMatch(new RegExp(`^${b.folder}/.*/images/${image.id}/disk-vda.qcow2$`));
    await expectRefusal(a, ['image', 'delete', image.id], { exitCode: 4, code: 'IMAGE_IN_USE' });

    // nothing may take the copy away while a disk stands on it
    const small = { DARKROOM_CACHE_SIZE: '1MiB' };
    await using second = await defineTinyGuest();
    const next = await capture(b, { ...second, uri: other.uri, name }, ['--name', uniqueName()], small);
    expect(await existing([backing ?? ''])).toEqual([backing]);
    await b.json(['image', 'delete', next.id]);
  } finally {
    await b.json(['instance', 'delete', name]);
  }
  await a.json(['image', 'delete', image.id]);
  expect(await site.keys(`images/${image.id}/`)).toEqual([]);
});

it('row 44: shelved on one host it comes back on the other as the same machine, and home again', async () => {
  await using guest = await bootTinyGuest({ firmware: 'uefi', tpm: true });
  await guest.run('efi-variable write travels && tpm-value write luggage1 && echo here >/stamp');
  const before = await readDefinition(guest);
  await shelve(a, guest.name);
  await expectShelvedAway(guest);
  const imageId = (await listImages(a)).find(({ name }) => name === `${guest.name}-shelved`)?.id ?? '';
  expect(await site.keys(`images/${imageId}/disk-vda.qcow2`)).not.toEqual([]);
  expect(await findCachedDisks(a, imageId), 'below its cache').toEqual([]);
  expect(await showInstance(b, guest.uuid)).toEqual(await showInstance(a, guest.uuid));

  const abroad: Machine = { ...guest, uri: other.uri };
  expect(await unshelve(b, guest.name)).toMatchObject({ state: 'active', host: 'host-b' });
  expect(await findCachedDisks(b, imageId), 'below its cache').toEqual([]);
  await expectNothingShelved(guest);
  expect(await domainExists(guest), 'on the first host').toBe(false);
  await waitForAgent(abroad);
  expect(await readDefinition(abroad)).toEqual(before);

  await shelve(b, guest.name);
  await unshelve(a, guest.name);
  await expectNothingShelved(guest);
  await waitForAgent(guest);
  expect(await guest.run('efi-variable read && tpm-value read && cat /stamp')).toBe('travelsluggage1here\n');
  expect(await readDefinition(guest)).toEqual(before);
});

it('row 50: of two hosts that bring it back at once exactly one does', async () => {
  await using guest = await defineTinyGuest();
  await using data = await keepData(guest);
  for (let round = 0; round < 3; round++) {
    await shelve(a, guest.name);
    const results = await Promise.all(
      [a, b, a, b].map((host) => host.run(['instance', 'unshelve', guest.name, '--json'])),
    );
    const codes = results.map(({ exitCode }) => exitCode);
    expect(
      codes.filter((code) => code === 0),
      results.map(({ stderr }) => stderr).join(''),
    ).toHaveLength(1);
    for (const code of codes) expect([0, 3, 4]).toContain(code);
    const isThere = await Promise.all([guest, { ...guest, uri: other.uri }].map(domainExists));
    expect(isThere, 'on one host').toEqual([codes[0] === 0 || codes[2] === 0, codes[1] === 0 || codes[3] === 0]);
    await expectNothingShelved(guest);
    await data.expectDisks();
    if (isThere[1] === true) {
      await shelve(b, guest.name);
      await unshelve(a, guest.name, ['--no-start']);
    }
  }
});

describe('snapshots', () => {
  it('row 63: taken on one host they go on on the other as increments, and any of them is restored anywhere', {
    timeout: 300_000,
  }, async () => {
    await using folder = await createTestFolder();
    await using guest = await bootTinyGuest();
    const volume = `${guest.name}/vda`;
    const hashes = new Map<string, string>();
    const take = async (host: DarkroomHost, machine: Machine, content: string): Promise<Snapshot> => {
      await writeGuestFile(machine, '/stamp', content);
      return await takeSnapshot(host, volume);
    };
    const first = await take(a, guest, 'one');
    const second = await take(a, guest, 'two');
    expect([first.method, second.method]).toEqual(['full', 'bitmap']);
    await shelve(a, guest.name);
    const abroad: Machine = { ...guest, uri: other.uri };
    await unshelve(b, guest.name);
    await waitForAgent(abroad);
    const third = await take(b, abroad, 'three');
    expect(third).toMatchObject({ parent: second.id, volume: second.volume });
    expect(third.method, third.reason ?? '').toBe('bitmap');

    const restore = async (host: DarkroomHost, id: string, tag: string): Promise<string> => {
      const file = path.join(folder.path, `${tag}.qcow2`);
      await host.json(['volume', 'create', '--from-snapshot', id, '--file', file]);
      return await hashDisk({ path: file, format: 'qcow2' });
    };
    for (const { id } of [first, second, third]) hashes.set(id, await restore(b, id, `before-${id}`));
    expect(new Set(hashes.values()).size).toBe(3);

    // the one in the middle goes on the other host; this one has older copies of what is left
    for (const { id } of [first, second, third]) expect(await restore(a, id, `a-${id}`)).toBe(hashes.get(id));
    await b.json(['snapshot', 'delete', second.id]);
    for (const { id } of [first, third]) {
      expect(await restore(a, id, `after-a-${id}`)).toBe(hashes.get(id));
      expect(await restore(b, id, `after-b-${id}`)).toBe(hashes.get(id));
    }
    expect(await a.run(['snapshot', 'verify', third.id, '--deep'])).toMatchObject({ exitCode: 0 });
    for (const { id } of [first, third]) await a.json(['snapshot', 'delete', id]);
    expect((await site.keys('snapshots/')).filter((key) => !key.endsWith('/lock'))).toEqual([]);
    await removeDomain(abroad);
  });
});

it('keeps what it encrypts itself unreadable in the store, and reads it on the other host with the key', async () => {
  await using folder = await createTestFolder();
  const key = path.join(folder.path, 'key');
  const env = { DARKROOM_ENCRYPTION_KEY_FILE: await writeKeyFile(key) };
  await using guest = await defineTinyGuest();
  const image = await capture(a, guest, ['--name', uniqueName(), '--encrypt'], env);
  const object = await site.read(`images/${image.id}/disk-vda.qcow2`);
  expect(object.includes('ld-linux'), 'plain content in the bucket').toBe(false);
  const raw = path.join(folder.path, 'back.raw');
  await b.json(['image', 'export', image.id, raw, '--format', 'raw'], { env });
  expect(await hashDisk({ path: raw, format: 'raw' })).toBe(await hashDisk(guest.disks[0] ?? { path: '', format: '' }));
  await a.json(['image', 'delete', image.id]);
});

const recordSchema = z.object({ state: z.string() });

async function expectShelvedAway(machine: Machine): Promise<void> {
  expect(await domainExists(machine), 'domain').toBe(false);
  expect(await existing(ownPlaces(machine)), 'files on the host').toEqual([]);
  const record = recordSchema.parse(JSON.parse((await site.read(`instances/${machine.uuid}.json`)).toString()));
  expect(record.state).toBe('shelved_offloaded');
}

/** Names of disks of an image, whole or not, that lie below the cache of a host. */
async function findCachedDisks(host: DarkroomHost, imageId: string): Promise<readonly string[]> {
  const names = await readdir(path.join(host.folder, 'cache'), { recursive: true });
  return names.filter((name) => name.includes(`/${imageId}/`) && name.includes('disk-'));
}

/** The store knows nothing of it any more, and has no image of it. */
async function expectNothingShelved(machine: Machine): Promise<void> {
  expect(await site.keys(`instances/${machine.uuid}.json`)).toEqual([]);
  const images = (await listImages(a)).filter(({ name }) => name === `${machine.name}-shelved`);
  expect(images).toEqual([]);
  expect(await site.keys('images/')).toEqual([]);
}
