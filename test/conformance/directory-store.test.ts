import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../src/drivers/stores/directory/directory-store.ts';
import type { ImageStore } from '../../src/model/ports/image-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { fillDraft, makeImage, publishImage } from '../support/sample-images.ts';
import { describeImageStore } from './image-store.ts';

function makeRoot(): string {
  return mkdtempSync(path.join(tmpdir(), 'dr-st-store-'));
}

describeImageStore('the directory store', async () => {
  const root = makeRoot();
  const store = createDirectoryStore({ location: path.join(root, 'not', 'there', 'yet'), imageGroup: 'kvm' });
  return { store, dispose: async () => rmSync(root, { recursive: true, force: true }) };
});

describe('the directory store on disk', () => {
  const image = makeImage('11111111-2222-4333-8444-555555555555');
  let root: string;
  let store: ImageStore;
  let folder: string;
  let manifest: string;

  beforeEach(() => {
    root = makeRoot();
    store = createDirectoryStore({ location: root, imageGroup: 'kvm' });
    folder = path.join(root, 'images', image.id);
    manifest = path.join(folder, 'manifest.json');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('has the documented layout, owners and modes whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const draft = await store.createDraft(image.id);
      for (const file of ['domain.xml', 'tpm/2/state']) {
        writeFileSync(draft.path(file), 'secret');
        await draft.seal(file, { isSecret: true });
      }
      await fillDraft(draft, image);
      await draft.publish(image);
      await store.addUser(image.id, { instanceId: image.id, instanceName: 'n', host: 'h', since: 's' });
    } finally {
      process.umask(before);
    }
    const kvm = groupId('kvm');
    expect(describeTree(root)).toEqual({
      images: '711 0:0',
      [`images/${image.id}`]: '711 0:0',
      [`images/${image.id}/disk-vda.qcow2`]: `440 0:${kvm}`,
      [`images/${image.id}/domain.xml`]: `600 0:${kvm}`,
      [`images/${image.id}/manifest.json`]: `440 0:${kvm}`,
      [`images/${image.id}/tpm`]: '700 0:0',
      [`images/${image.id}/tpm/2`]: '700 0:0',
      [`images/${image.id}/tpm/2/state`]: `600 0:${kvm}`,
      [`images/${image.id}/users`]: '700 0:0',
      [`images/${image.id}/users/${image.id}.json`]: '600 0:0',
    });
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ version: 1, id: image.id, disks: image.disks });
  });

  it('lets the user that QEMU runs as read a disk, but neither list images nor read secrets', async () => {
    chmodSync(root, 0o711);
    const draft = await store.createDraft(image.id);
    writeFileSync(draft.path('domain.xml'), 'secret');
    await draft.seal('domain.xml', { isSecret: true });
    await fillDraft(draft, image);
    await draft.publish(image);
    const asQemu = ['--reuid=libvirt-qemu', '--regid=kvm', '--clear-groups'];
    const read = (file: string) => execFileSync('setpriv', [...asQemu, 'cat', file], { stdio: 'pipe' }).toString();
    expect(read(await store.resolveFile(image.id, 'disk-vda.qcow2'))).toBe('disk-vda.qcow2');
    expect(() => read(path.join(folder, 'domain.xml'))).toThrow('Permission denied');
    expect(() => execFileSync('setpriv', [...asQemu, 'ls', folder], { stdio: 'pipe' })).toThrow('Permission denied');
  });

  it('makes missing parents of the store passable and opens its own folder again', async () => {
    const before = process.umask(0o077);
    const deep = createDirectoryStore({ location: path.join(root, 'a', 'b'), imageGroup: 'kvm' });
    try {
      await deep.assertWritable();
    } finally {
      process.umask(before);
    }
    chmodSync(path.join(root, 'a/b/images'), 0o700);
    await deep.assertWritable();
    expect(describeTree(root)).toEqual({ a: '711 0:0', 'a/b': '711 0:0', 'a/b/images': '711 0:0' });
  });

  it('removes what a probe left that died an hour ago, and nothing of a younger one', async () => {
    await store.assertWritable();
    const at = (name: string): string => path.join(root, 'images', name);
    for (const name of ['.probe-old', '.probe-old.renamed', '.probe-new']) writeFileSync(at(name), '');
    const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const name of ['.probe-old', '.probe-old.renamed']) utimesSync(at(name), old, old);
    await store.assertWritable();
    expect(readdirSync(path.join(root, 'images'))).toEqual(['.probe-new']);
  });

  it('can be reached through a symbolic link', async () => {
    await publishImage(store, image);
    symlinkSync(root, `${root}-link`);
    try {
      const linked = createDirectoryStore({ location: `${root}-link`, imageGroup: 'kvm' });
      expect(await linked.resolveFile(image.id, 'disk-vda.qcow2')).toBe(
        path.join(`${root}-link/images`, image.id, 'disk-vda.qcow2'),
      );
    } finally {
      rmSync(`${root}-link`);
    }
  });

  it('is empty, not an error, where nothing was ever stored', async () => {
    const missing = createDirectoryStore({ location: path.join(root, 'missing'), imageGroup: 'kvm' });
    expect(await missing.listImages()).toEqual({ images: [], broken: [] });
    expect(await missing.listDraftIds()).toEqual([]);
    expect(await missing.freeBytes()).toBeGreaterThan(0);
    expect(existsSync(path.join(root, 'missing'))).toBe(false);
  });

  const good = JSON.stringify({ version: 1, ...image });
  it.each([
    ['empty', ''],
    ['cut short', good.slice(0, good.length / 2)],
    ['garbage', '\u0000\u0001garbage'],
    ['not an object', '[]'],
    ['of another image', good.replace(image.id, '99999999-2222-4333-8444-555555555555')],
    ['of a later version', good.replace('"version":1', '"version":2')],
    ['wrong in a type', good.replace('"sizeBytes":14', '"sizeBytes":"14"')],
    ['negative in a size', good.replace('"sizeBytes":14', '"sizeBytes":-14')],
    ['without disks', JSON.stringify({ version: 1, ...image, disks: [] })],
    ['naming a file twice', JSON.stringify({ version: 1, ...image, disks: [...image.disks, ...image.disks] })],
    ['naming a file outside', good.replace('disk-vda.qcow2', '../../../etc/shadow')],
    ['naming an absolute file', good.replace('disk-vda.qcow2', '/etc/shadow')],
    ['naming a wrong checksum', good.replaceAll('a'.repeat(64), 'xyz')],
    ['far too long', `${good}${' '.repeat(2 * 1024 * 1024)}`],
  ])('reports a manifest that is %s beside the good ones', async (_, text) => {
    const other = makeImage(randomUUID());
    await publishImage(store, other);
    await publishImage(store, image);
    renameSync(manifest, `${manifest}.old`);
    writeFileSync(manifest, text);
    const { images, broken } = await store.listImages();
    expect(images).toEqual([other]);
    expect(broken).toEqual([{ id: image.id, reason: expect.stringContaining(image.id) }]);
    await expectFailure(store.readImage(image.id), 'IMAGE_DAMAGED');
    await expectFailure(store.resolveFile(image.id, 'disk-vda.qcow2'), 'IMAGE_DAMAGED');
    expect(await store.listDraftIds()).toEqual([]);
    await expectFailure(store.openDraft(image.id).discard(), 'IMAGE_STATE');
    await store.deleteImage(image.id);
    expect(await store.listImages()).toEqual({ images: [other], broken: [] });
  });

  it('reads manifests with fields that it does not know', async () => {
    await publishImage(store, image);
    rmSync(manifest);
    writeFileSync(manifest, JSON.stringify({ version: 1, ...image, later: { field: true } }));
    expect(await store.readImage(image.id)).toEqual(image);
  });

  it.each(['a folder', 'a pipe', 'a link'])(
    'is not held up or led astray by %s in place of a manifest',
    async (kind) => {
      await publishImage(store, image);
      renameSync(manifest, path.join(root, 'elsewhere.json'));
      if (kind === 'a folder') mkdirSync(manifest);
      else if (kind === 'a link') symlinkSync(path.join(root, 'elsewhere.json'), manifest);
      else execFileSync('mkfifo', [manifest]);
      await expectFailure(store.readImage(image.id), 'IMAGE_DAMAGED');
      expect((await store.listImages()).broken).toHaveLength(1);
    },
  );

  it('follows no link in place of a disk, or on the way to one', async () => {
    const withTpm = { ...image, tpm: [{ file: 'tpm/state', sizeBytes: 1, sha256: 'c'.repeat(64) }] };
    await publishImage(store, withTpm);
    writeFileSync(path.join(root, 'state'), 'precious');
    rmSync(path.join(folder, 'disk-vda.qcow2'));
    symlinkSync(path.join(root, 'state'), path.join(folder, 'disk-vda.qcow2'));
    await expectFailure(store.resolveFile(image.id, 'disk-vda.qcow2'), 'IMAGE_DAMAGED');
    rmSync(path.join(folder, 'tpm'), { recursive: true });
    symlinkSync(root, path.join(folder, 'tpm'));
    await expectFailure(store.resolveFile(image.id, 'tpm/state'), 'IMAGE_DAMAGED');
    rmSync(path.join(folder, 'disk-vda.qcow2'));
    mkdirSync(path.join(folder, 'disk-vda.qcow2'));
    await expectFailure(store.resolveFile(image.id, 'disk-vda.qcow2'), 'IMAGE_DAMAGED');
    await store.deleteImage(image.id);
    expect(readFileSync(path.join(root, 'state'), 'utf8')).toBe('precious');
  });

  it('does not seal a link that stands where a file was to be written', async () => {
    const draft = await store.createDraft(image.id);
    writeFileSync(path.join(root, 'precious'), 'x');
    symlinkSync(path.join(root, 'precious'), draft.path('disk-vda.qcow2'));
    await expectFailure(draft.seal('disk-vda.qcow2'), 'STORE_WRITE_FAILED');
    expect(statSync(path.join(root, 'precious')).mode & 0o777).toBe(0o644);
  });

  it('neither lists nor deletes an image whose folder is a link', async () => {
    const target = path.join(root, 'elsewhere');
    await publishImage(store, image);
    renameSync(folder, target);
    symlinkSync(target, folder);
    expect(await store.listImages()).toEqual({ images: [], broken: [] });
    await expectFailure(store.deleteImage(image.id), 'IMAGE_DAMAGED');
    await expectFailure(store.resolveFile(image.id, 'disk-vda.qcow2'), 'IMAGE_DAMAGED');
    expect(existsSync(path.join(target, 'manifest.json'))).toBe(true);
  });

  it('ignores what is not an image beside the images', async () => {
    await publishImage(store, image);
    mkdirSync(path.join(root, 'images', 'lost+found'));
    writeFileSync(path.join(root, 'images', randomUUID()), 'a file');
    expect(await store.listImages()).toEqual({ images: [image], broken: [] });
    expect(await store.listDraftIds()).toEqual([]);
  });

  it('finishes a delete that was killed after the manifest went', async () => {
    await publishImage(store, image);
    rmSync(manifest);
    expect(await store.listDraftIds()).toEqual([image.id]);
    await store.deleteImage(image.id);
    expect(existsSync(folder)).toBe(false);
  });

  it('takes no half-written manifest for one', async () => {
    await publishImage(store, image);
    writeFileSync(path.join(folder, '.manifest.json.abc.partial'), '{"vers');
    expect(await store.readImage(image.id)).toEqual(image);
    await store.updateImage({ ...image, name: 'new' });
    expect((await store.readImage(image.id)).name).toBe('new');
  });

  it('does not check the length of disks when listing, so that a cut disk shows in a verify only', async () => {
    await publishImage(store, image);
    truncateSync(path.join(folder, 'disk-vda.qcow2'), 1);
    expect(await store.readImage(image.id)).toEqual(image);
  });

  it('counts a user whose document cannot be read, and ignores files that name no instance', async () => {
    const user = { instanceId: randomUUID(), instanceName: 'n', host: 'h', since: 's' };
    await publishImage(store, image);
    await store.addUser(image.id, user);
    const spoilt = randomUUID();
    writeFileSync(path.join(folder, 'users', `${spoilt}.json`), '{"instanceNa');
    writeFileSync(path.join(folder, 'users', 'notes.txt'), 'hello');
    writeFileSync(path.join(folder, 'users', 'someone.json'), '{}');
    const unknown = { instanceId: spoilt, instanceName: spoilt, host: 'unknown', since: 'unknown' };
    expect(new Set(await store.listUsers(image.id))).toEqual(new Set([user, unknown]));
    await store.removeUser(image.id, spoilt);
    expect(await store.listUsers(image.id)).toEqual([user]);
  });

  it('leaves no probe behind when it looks whether it can be written', async () => {
    await store.assertWritable();
    expect(readdirSync(path.join(root, 'images'))).toEqual([]);
  });

  it('refuses a group that does not exist, and says what to set', async () => {
    const strange = createDirectoryStore({ location: root, imageGroup: 'no-such-group' });
    const failure = await expectFailure(strange.assertWritable(), 'STORE_UNUSABLE');
    expect(failure.message).toContain('image_group');
  });

  it('refuses a location that is a file', async () => {
    writeFileSync(path.join(root, 'file'), '');
    const wrong = createDirectoryStore({ location: path.join(root, 'file'), imageGroup: 'kvm' });
    await expectFailure(wrong.assertWritable(), 'STORE_UNUSABLE');
    await expectFailure(wrong.listImages(), 'STORE_UNUSABLE');
  });
});

function groupId(name: string): number {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  return Number(line?.split(':')[2]);
}

/** Mode and owner of everything below a folder, by relative path. */
function describeTree(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const { mode, uid, gid } = statSync(path.join(root, name));
      return [name, `${(mode & 0o777).toString(8)} ${uid}:${gid}`];
    }),
  );
}
