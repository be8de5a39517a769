import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryShelf } from '../../../src/drivers/stores/directory/directory-shelf.ts';
import { createDirectorySnapshots } from '../../../src/drivers/stores/directory/directory-snapshots.ts';
import { createDirectoryStore } from '../../../src/drivers/stores/directory/directory-store.ts';
import { createDirectoryUpkeep } from '../../../src/drivers/stores/directory/upkeep.ts';
import type { StoreFinding } from '../../../src/model/store.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeClaim, makeShelved } from '../../support/sample-shelf.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot, makeVolumeClaim } from '../../support/snapshot-files.ts';

const USER = { instanceId: randomUUID(), instanceName: 'web', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
const NOTE = { deletedAt: '2026-01-01T00:00:00.000Z', deletedBy: null, expiresAt: '2126-01-01T00:00:00.000Z' };

let root: string;
let store: ReturnType<typeof open>;

beforeEach(() => {
  root = mkdtempSync('/var/tmp/dr-up-');
  store = open(root);
});
afterEach(() => rmSync(root, { recursive: true }));

function open(location: string) {
  const options = { location, imageGroup: '0' };
  return {
    images: createDirectoryStore(options),
    shelf: createDirectoryShelf(options),
    snapshots: createDirectorySnapshots(options),
    upkeep: createDirectoryUpkeep(options),
  };
}

function at(...names: readonly string[]): string {
  return path.join(root, ...names);
}

function put(...names: readonly string[]): void {
  mkdirSync(path.dirname(at(...names)), { recursive: true });
  writeFileSync(at(...names), 'x');
}

/** By kind and subject. */
async function seen(): Promise<readonly string[]> {
  const findings = await store.upkeep.findFaults();
  return findings
    .map(({ kind, subject, isRemovable }) => `${kind} ${subject}${isRemovable ? ' removable' : ''}`)
    .sort();
}

async function only(): Promise<StoreFinding> {
  const [finding, ...others] = await store.upkeep.findFaults();
  if (finding === undefined || others.length > 0) throw new Error(`${others.length + 1} findings`);
  return finding;
}

/** A record whose file has the length that it says. */
async function keep(letter: string, facts: Parameters<typeof sampleSnapshot>[1] = {}) {
  const snapshot = sampleSnapshot(letter, { sizeBytes: 36, ...facts });
  await keepSnapshot(store.snapshots, snapshot, { domainXml: '<domain/>' });
  return snapshot;
}

describe('a store in a folder', () => {
  it('has no faults with all that Darkroom keeps there, nor where there is nothing', async () => {
    expect(await seen()).toEqual([]);
    const [image, shelved, deleted] = [makeImage(randomUUID()), makeImage(randomUUID()), makeImage(randomUUID())];
    await publishImage(store.images, image);
    await store.images.addUser(image.id, USER);
    await publishImage(store.images, { ...shelved, properties: { image_type: 'shelved' } });
    for (const file of ['memory.save', 'memory.xml', 'checkpoints/0.xml', 'files/seed.iso', 'domain.xml'])
      put('images', shelved.id, file);
    await publishImage(store.images, deleted);
    await store.images.recycleImage(deleted.id, NOTE);
    await store.shelf.write(makeShelved(randomUUID(), { imageId: shelved.id }));
    await store.shelf.claim(makeClaim(randomUUID()));
    const claim = makeClaim(randomUUID());
    await store.shelf.claim(claim);
    await store.shelf.stealClaim({ ...claim, operationId: randomUUID() }, claim);
    await keep('b', { parent: (await keep('a')).id });
    await store.snapshots.claim(makeVolumeClaim(SAMPLE_VOLUME));
    put('lost+found', 'anything');
    put('images', '.probe-0123');
    expect(await seen()).toEqual([]);
  });

  it('names drafts, which can go, and not those that a shelved instance will need', async () => {
    const [left, empty, needed, used] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await store.images.createDraft(empty);
    put('images', left, 'disk-vda.qcow2');
    put('images', left, 'tpm', '.state.partial');
    put('images', needed, 'nvram.fd');
    put('images', used, 'disk-vda.qcow2');
    put('images', used, 'users', `${USER.instanceId}.json`);
    await store.shelf.write(makeShelved(randomUUID(), { state: 'offloading', imageId: needed, isImageDeferred: true }));
    const wanted = [left, empty].map((id) => `unpublished-image ${id} removable`);
    expect(await seen()).toEqual([...wanted, `unpublished-image ${used}`].sort());
    for (const finding of await store.upkeep.findFaults()) {
      expect(await store.upkeep.removeFault(finding)).toBe(finding.isRemovable);
    }
    expect([left, empty, needed, used].map((id) => existsSync(at('images', id)))).toEqual([false, false, true, true]);
  });

  it('takes nothing for a leftover while a record of a shelved instance cannot be read', async () => {
    put('images', randomUUID(), 'disk-vda.qcow2');
    put('instances', `${randomUUID()}.json`);
    expect(await seen()).toEqual([]);
  });

  it('names files that are missing, of another length, or links, and nothing that is being deleted', async () => {
    const images = [makeImage(randomUUID()), makeImage(randomUUID()), makeImage(randomUUID()), makeImage(randomUUID())];
    for (const image of images) await publishImage(store.images, image);
    const [missing = '', short = '', linked = '', going = ''] = images.map(({ id }) => id);
    for (const id of [missing, linked, going]) rmSync(at('images', id, 'disk-vda.qcow2'));
    symlinkSync('/etc/hostname', at('images', linked, 'disk-vda.qcow2'));
    truncateSync(at('images', short, 'disk-vda.qcow2'), 3);
    await store.images.updateImage(makeImage(going, { status: 'deleting' }));
    const snapshots = [await keep('a'), await keep('b')];
    const [gone = '', long = ''] = snapshots.map(({ id }) => id);
    rmSync(at('snapshots', SAMPLE_VOLUME, `${gone}.qcow2`));
    truncateSync(at('snapshots', SAMPLE_VOLUME, `${long}.qcow2`), 99);
    const wanted = [
      ...[missing, linked, gone].map((id) => `missing-file ${id}`),
      ...[short, long].map((id) => `wrong-size ${id}`),
    ];
    expect(await seen()).toEqual(wanted.sort());
    const findings = await store.upkeep.findFaults();
    expect(findings.find(({ subject }) => subject === short)?.message).toContain('has 3 bytes, and should have 14');
    for (const finding of findings) expect(await store.upkeep.removeFault(finding)).toBe(false);
  });

  it('knows a snapshot whose file is being replaced by both its lengths', async () => {
    const snapshot = await keep('a', { sizeBytes: 1000 });
    expect(await seen()).toEqual([`wrong-size ${snapshot.id}`]);
    const pending = { parent: randomUUID(), sizeBytes: 36, storedBytes: 36, sha256: '1'.repeat(64) };
    await store.snapshots.update({ ...snapshot, pending });
    expect(await seen()).toEqual([]);
  });

  it('names what was written for a snapshot that there is not, and keeps what others stand on', async () => {
    await store.snapshots.assertWritable(SAMPLE_VOLUME);
    await fillDraft(store.snapshots, sampleSnapshot('d'), 'half');
    const parent = sampleSnapshot('e');
    await (await fillDraft(store.snapshots, parent, 'x')).moveIn();
    await keep('f', { parent: parent.id });
    const lost = await keep('a');
    rmSync(at('snapshots', SAMPLE_VOLUME, `${lost.id}.json`));
    const folder = `snapshots/${SAMPLE_VOLUME}`;
    const findings = await seen();
    expect(findings).toHaveLength(4);
    expect(findings).toEqual(
      expect.arrayContaining([
        `unpublished-snapshot ${folder}/${parent.id}.qcow2`,
        `unpublished-snapshot ${folder}/${lost.id}.qcow2 removable`,
        `unpublished-snapshot ${folder}/${lost.id}.xml removable`,
      ]),
    );
    for (const finding of await store.upkeep.findFaults()) await store.upkeep.removeFault(finding);
    expect(await seen()).toEqual([`unpublished-snapshot ${folder}/${parent.id}.qcow2`]);
    expect((await store.snapshots.list()).snapshots).toHaveLength(1);
  });

  it('keeps files without a record where another record of the volume cannot be read', async () => {
    const [lost, broken] = [await keep('a'), await keep('b')];
    rmSync(at('snapshots', SAMPLE_VOLUME, `${lost.id}.json`));
    writeFileSync(at('snapshots', SAMPLE_VOLUME, `${broken.id}.json`), 'not JSON');
    const findings = await store.upkeep.findFaults();
    expect(findings.map(({ isRemovable }) => isRemovable)).toEqual([false, false]);
  });

  it('names what was left half-written or half-purged, and what nobody knows', async () => {
    const image = makeImage(randomUUID());
    await publishImage(store.images, image);
    const purged = randomUUID();
    const partials = [`images/${image.id}/.manifest.json.0123456789ab.partial`, `instances/.${purged}.json.01.partial`];
    const unknown = [`images/${image.id}/notes.txt`, 'images/notes', 'instances/notes', 'recycle/notes', 'notes'];
    for (const key of [...partials, ...unknown]) put(key);
    put('recycle', `.${purged}.purged`, 'disk-vda.qcow2');
    const wanted = [
      ...partials.map((key) => `unfinished-upload ${key} removable`),
      ...unknown.map((key) => `unknown-file ${key}`),
      `half-deleted ${purged} removable`,
    ];
    expect(await seen()).toEqual(wanted.sort());
    for (const finding of await store.upkeep.findFaults()) await store.upkeep.removeFault(finding);
    expect(await seen()).toEqual(unknown.map((key) => `unknown-file ${key}`).sort());
    expect(await store.images.readImage(image.id)).toEqual(image);
  });

  it('removes nothing that was written to, or became an image, since it was found', async () => {
    const image = makeImage(randomUUID());
    const draft = await store.images.createDraft(image.id);
    const finding = await only();
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(draft.path('disk-vda.qcow2'), 'disk-vda.qcow2');
    expect(await store.upkeep.removeFault(finding)).toBe(false);
    const later = await only();
    await draft.seal('disk-vda.qcow2');
    await draft.publish(image);
    expect(await store.upkeep.removeFault(later)).toBe(false);
    expect(await store.upkeep.removeFault({ ...later, subject: '../../etc' })).toBe(false);
    expect(await store.images.readImage(image.id)).toEqual(image);
  });

  it('has no copies elsewhere, and takes a link in the place of an image for none', async () => {
    expect([await store.upkeep.measureCache(), await store.upkeep.freeCache(1)]).toEqual([null, 0]);
    const id = randomUUID();
    mkdirSync(at('images'));
    symlinkSync('/nowhere', at('images', id));
    expect(await seen()).toEqual([`unknown-file images/${id}`]);
  });
});
