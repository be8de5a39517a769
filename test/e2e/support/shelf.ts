import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Image } from '../../../src/model/image.ts';
import { listDrafts } from './assert-clean.ts';
import { listImages } from './captures.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import type { Guest } from './tiny-guest.ts';
import { domainExists } from './virsh.ts';

const shownSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  powerState: z.string(),
  taskState: z.string().nullable(),
  host: z.string().nullable(),
  macs: z.array(z.string()),
  disks: z.array(z.object({ target: z.string(), path: z.string().nullable() })),
  imageId: z.string().nullable(),
});
export type ShownInstance = z.infer<typeof shownSchema>;

/** What tests name an instance by. */
export type Machine = Pick<Guest, 'uri' | 'name' | 'uuid' | 'disks'>;

export async function shelve(
  darkroom: DarkroomHost,
  instance: string,
  args: readonly string[] = [],
): Promise<ShownInstance> {
  return shownSchema.parse(await darkroom.json(['instance', 'shelve', instance, ...args]));
}

export async function offload(darkroom: DarkroomHost, instance: string): Promise<ShownInstance> {
  return shownSchema.parse(await darkroom.json(['instance', 'offload', instance]));
}

export async function unshelve(
  darkroom: DarkroomHost,
  instance: string,
  args: readonly string[] = [],
): Promise<ShownInstance> {
  return shownSchema.parse(await darkroom.json(['instance', 'unshelve', instance, ...args]));
}

/** As `instance show` has it; `instance list` must have it just so. */
export async function showInstance(darkroom: DarkroomHost, instance: string): Promise<ShownInstance> {
  const shown = shownSchema.parse(await darkroom.json(['instance', 'show', instance]));
  const all = z.array(shownSchema).parse(await darkroom.json(['instance', 'list']));
  expect(
    all.filter(({ id }) => id === shown.id),
    'in the list',
  ).toEqual([shown]);
  return shown;
}

/** Names in the store's folder of shelved instances: records and claims. */
export async function listShelf(store: string): Promise<readonly string[]> {
  return (await readdir(path.join(store, 'instances')).catch(() => [])).sort();
}

/** State in its record; null when the store has none. */
export async function readShelfState(store: string, uuid: string): Promise<string | null> {
  const text = await readFile(path.join(store, 'instances', `${uuid}.json`), 'utf8').catch(() => null);
  return text === null ? null : z.object({ state: z.string() }).parse(JSON.parse(text)).state;
}

/** The one image of a shelved instance. */
async function shelvedImage(darkroom: DarkroomHost, machine: Machine): Promise<Image> {
  const images = (await listImages(darkroom)).filter(({ name }) => name === `${machine.name}-shelved`);
  const [image] = images;
  if (image === undefined || images.length > 1) throw new Error(`${machine.name} has ${images.length} shelved images`);
  return image;
}

/** Host paths that are the machine's alone: its disks, firmware variables, TPM state, saved memory, definition. */
export function ownPlaces(machine: Machine): readonly string[] {
  return [
    ...machine.disks.map((disk) => disk.path),
    `/var/lib/libvirt/qemu/nvram/${machine.name}_VARS.fd`,
    `/var/lib/libvirt/swtpm/${machine.uuid}`,
    `/var/lib/libvirt/qemu/save/${machine.name}.save`,
    `/etc/libvirt/qemu/${machine.name}.xml`,
  ];
}

/** Nothing of it is on its host; the store holds its record, nobody's claim and one active image. Gives the image. */
export async function expectOffloaded(darkroom: DarkroomHost, machine: Machine): Promise<Image> {
  expect(await domainExists(machine), 'domain').toBe(false);
  expect(await existing(ownPlaces(machine)), 'files on the host').toEqual([]);
  expect(await showInstance(darkroom, machine.uuid)).toMatchObject({
    id: machine.uuid,
    name: machine.name,
    state: 'shelved_offloaded',
    powerState: 'shutdown',
    taskState: null,
    host: null,
  });
  expect(await listShelf(darkroom.store), 'records and claims').toContain(`${machine.uuid}.json`);
  expect(await listShelf(darkroom.store), 'records and claims').not.toContain(`${machine.uuid}.claim`);
  expect(await listDrafts(darkroom.store), 'drafts').toEqual([]);
  const image = await shelvedImage(darkroom, machine);
  expect(image).toMatchObject({ status: 'active', properties: { image_type: 'shelved', instance_uuid: machine.uuid } });
  return image;
}

/** It is on its host, and the store knows nothing of it any more. */
export async function expectNotShelved(darkroom: DarkroomHost, machine: Machine): Promise<void> {
  expect(await domainExists(machine), 'domain').toBe(true);
  expect(
    (await listShelf(darkroom.store)).filter((name) => name.startsWith(machine.uuid)),
    'records and claims',
  ).toEqual([]);
  const images = await listImages(darkroom);
  expect(
    images.filter(({ name }) => name === `${machine.name}-shelved`),
    'shelved images',
  ).toEqual([]);
  expect(await listDrafts(darkroom.store), 'drafts').toEqual([]);
}

export async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const each of paths) {
    const isThere = await access(each).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(each);
  }
  return found;
}
