import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDiskPaths } from '../../../src/model/domain-xml/disk-sources.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { DiskTool } from '../../../src/model/ports/disk-tool.ts';
import type { HostFiles } from '../../../src/model/ports/host.ts';
import type { Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import type { CreateImageRequest } from '../../../src/model/requests.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeDiskTool, readFakeContent, writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { createFakeFiles, type FakeHostFiles } from '../../support/fake-host.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runCancelled, runToEnd } from '../../support/image-core.ts';

const UUID = '11111111-2222-4333-8444-555555555555';

let folder: string;
let store: FakeImageStore;
let files: FakeHostFiles;
let fake: FakeHypervisor;
let guest: FakeDomain;
let hypervisor: Faulty<Hypervisor>;
let diskTool: Faulty<DiskTool>;
let hostFiles: Faulty<HostFiles>;
let core: ReturnType<typeof makeCore>;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-capture-'));
  store = createFakeImageStore();
  files = createFakeFiles();
  fake = createFakeHypervisor();
  writeFakeDisk(path.join(folder, 'base.qcow2'), { content: 'old' });
  writeFakeDisk(path.join(folder, 'vda.qcow2'), {
    content: 'root',
    backing: { path: path.join(folder, 'base.qcow2'), format: 'qcow2' },
  });
  writeFakeDisk(path.join(folder, 'vdb.raw'), { format: 'raw', content: 'data' });
  guest = fake.put(guestXml(folder), { powerState: 'running', agent: 'answering', fileSystems: 2 });
  hypervisor = makeFaulty<Hypervisor>(fake);
  diskTool = makeFaulty<DiskTool>(createFakeDiskTool());
  hostFiles = makeFaulty<HostFiles>(files);
  core = makeCore();
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  store.dispose();
});

function makeCore() {
  return createImageCore({
    hypervisor: hypervisor.port,
    diskTool: diskTool.port,
    files: hostFiles.port,
    store,
  });
}

function guestXml(disks: string): string {
  const disk = (file: string, target: string): string =>
    `<disk type='file' device='disk'><driver type='${path.extname(file).slice(1)}'/>` +
    `<source file='${disks}/${file}'/><target dev='${target}' bus='virtio'/></disk>`;
  return `<domain type='kvm'><name>web</name><uuid>${UUID}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>${disk('vda.qcow2', 'vda')}
    ${disk('vdb.raw', 'vdb')}<disk type='file' device='cdrom'><target dev='sda'/></disk></devices></domain>`;
}

function request(changes: Partial<CreateImageRequest> = {}): CreateImageRequest {
  return {
    kind: 'image.create',
    instance: 'web',
    name: 'golden',
    consistency: 'auto',
    description: null,
    properties: {},
    isGeneralized: false,
    isEncrypted: false,
    ...changes,
  };
}

const run = (changes: Partial<CreateImageRequest> = {}): Promise<Operation> =>
  runToEnd(core, createImage, request(changes));

/** The guest is as it was, and nothing lies about. */
async function expectUntouched(): Promise<void> {
  expect(guest.powerState).toBe('running');
  expect(guest.isFrozen).toBe(false);
  expect(guest.blockJobs.size).toBe(0);
  for (const xml of [guest.activeXml, guest.inactiveXml]) {
    expect([...readDiskPaths(xml ?? '').values()]).toEqual([`${folder}/vda.qcow2`, `${folder}/vdb.raw`]);
  }
  expect(readdirSync(folder).sort()).toEqual(['base.qcow2', 'vda.qcow2', 'vdb.raw']);
  expect(readFakeContent(path.join(folder, 'vda.qcow2'))).toBe('root');
  expect(await core.locks.list()).toEqual([]);
  expect(await core.journal.list({ isUnsettled: true })).toEqual([]);
}

async function expectNoImage(): Promise<void> {
  expect((await store.listImages()).images).toEqual([]);
  expect(await store.listDraftIds()).toEqual([]);
}

describe('a capture that goes well', () => {
  it('makes one standalone image of all disks, frozen for one snapshot, and puts the guest back', async () => {
    const operation = await run();
    expect(operation).toMatchObject({ status: 'succeeded', error: null, warnings: [] });
    const image = await store.readImage(operation.result.imageId ?? '');
    expect(image).toMatchObject({
      name: 'golden',
      status: 'active',
      consistency: { requested: 'auto', achieved: 'quiesced', pauseMs: 0 },
      disks: [{ target: 'vda' }, { target: 'vdb' }],
      skippedDisks: [{ target: 'sda', device: 'cdrom', reason: 'cdrom' }],
    });
    const contents = await Promise.all(
      image.disks.map(async ({ file }) => readFakeContent(await store.resolveFile(image.id, file))),
    );
    expect(contents).toEqual(['root', 'data']);
    expect(hypervisor.calls.filter((call) => call === 'createDiskSnapshot')).toHaveLength(1);
    expect(hypervisor.calls).not.toContain('suspendDomain');
    await expectUntouched();
  });

  it('freezes after the overlays are there and thaws before it copies', async () => {
    const order: string[] = [];
    for (const method of ['freezeFileSystems', 'createDiskSnapshot', 'thawFileSystems', 'startActiveCommit'] as const) {
      hypervisor.before(method, () => order.push(method));
    }
    for (const method of ['create', 'convert'] as const) diskTool.before(method, () => order.push(method));
    await run();
    expect([...new Set(order)]).toEqual([
      'create',
      'freezeFileSystems',
      'createDiskSnapshot',
      'thawFileSystems',
      'convert',
      'startActiveCommit',
    ]);
  });

  it.each([
    ['paused', 'paused', 1],
    ['crash', 'crash', 0],
  ] as const)('with --consistency %s the agent is not bothered', async (consistency, achieved, pauses) => {
    const { result } = await run({ consistency });
    const image = await store.readImage(result.imageId ?? '');
    expect(image.consistency).toMatchObject({ requested: consistency, achieved, freezeMs: 0 });
    expect(hypervisor.calls).not.toContain('freezeFileSystems');
    expect(hypervisor.calls.filter((call) => call === 'suspendDomain')).toHaveLength(pauses);
    await expectUntouched();
  });

  it('reads the chain of a guest that is off, held against its start, without overlays', async () => {
    Object.assign(guest, { powerState: 'shutdown', activeXml: null });
    const { result } = await run();
    expect((await store.readImage(result.imageId ?? '')).consistency?.achieved).toBe('offline');
    expect(diskTool.calls).toContain('holdForReading');
    expect(diskTool.calls).not.toContain('create');
    expect(guest.powerState).toBe('shutdown');
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it('leaves a paused guest paused', async () => {
    guest.powerState = 'paused';
    const { result } = await run();
    expect((await store.readImage(result.imageId ?? '')).consistency).toMatchObject({ achieved: 'paused', pauseMs: 0 });
    expect(guest.powerState).toBe('paused');
    expect(hypervisor.calls).not.toContain('resumeDomain');
  });
});

describe('a capture that is refused', () => {
  it.each<[string, () => void, Partial<CreateImageRequest>, string]>([
    [
      'without an agent',
      () => Object.assign(guest, { agent: 'absent' }),
      { consistency: 'quiesced' },
      'QUIESCE_UNAVAILABLE',
    ],
    [
      'with an agent that hangs',
      () => Object.assign(guest, { agent: 'hung' }),
      { consistency: 'quiesced' },
      'QUIESCE_UNAVAILABLE',
    ],
    ['with internal snapshots', () => Object.assign(guest, { internalSnapshots: 1 }), {}, 'INTERNAL_SNAPSHOTS'],
    ['without room', () => Object.assign(files, { freeBytesOnDisk: 1024 }), {}, 'NO_SPACE'],
    [
      'when the store cannot be written',
      () =>
        Object.assign(store, {
          assertWritable: () => Promise.reject(new DarkroomError('STORE_UNUSABLE', 'read-only')),
        }),
      {},
      'STORE_UNUSABLE',
    ],
    [
      'with a block job',
      () => void guest.blockJobs.set('vdb', { type: 'copy', done: 0, total: 1, hasMirror: false, isReady: false }),
      {},
      'INSTANCE_BUSY',
    ],
  ])('%s touches nothing', async (_what, arrange, changes, code) => {
    arrange();
    const { error, status } = await run(changes);
    expect([status, error?.code]).toEqual(['failed', code]);
    expect(hypervisor.calls).not.toContain('freezeFileSystems');
    expect(hypervisor.calls).not.toContain('createDiskSnapshot');
    expect(diskTool.calls).not.toContain('create');
    guest.blockJobs.clear();
    await expectUntouched();
    await expectNoImage();
  });

  it.each<[string, Partial<CreateImageRequest>, 'INVALID_REQUEST' | 'INSTANCE_NOT_FOUND']>([
    ['a blank name', { name: ' ' }, 'INVALID_REQUEST'],
    ['a reserved property', { properties: { image_type: 'x' } }, 'INVALID_REQUEST'],
    ['an unknown instance', { instance: 'nobody' }, 'INSTANCE_NOT_FOUND'],
  ])('for %s is not even an operation', async (_what, changes, code) => {
    await expectFailure(run(changes), code);
    expect(await core.journal.list({})).toEqual([]);
  });

  it('leaves alone a guest that somebody else froze', async () => {
    guest.isFrozen = true;
    expect((await run()).error?.code).toBe('INSTANCE_FROZEN');
    expect(guest.isFrozen).toBe(true);
    expect(hypervisor.calls).not.toContain('thawFileSystems');
  });
});

describe('a capture that fails', () => {
  const broken = new Error('broken on purpose');

  it.each<[string, () => void]>([
    ['the draft cannot be made', () => Object.assign(store, { createDraft: () => Promise.reject(broken) })],
    ['an overlay cannot be created', () => diskTool.failOn('create', broken)],
    ['the mode of an overlay cannot be set', () => hostFiles.failOn('setOwnership', broken)],
    ['the snapshot is refused', () => hypervisor.failOn('createDiskSnapshot', broken)],
    ['the answer to the snapshot is lost', () => hypervisor.failAfter('createDiskSnapshot', broken)],
    ['a disk cannot be copied', () => diskTool.failOn('convert', broken)],
    ['a copy is damaged', () => void diskTool.failOn('check', broken)],
    ['a checksum cannot be taken', () => hostFiles.failOn('hash', broken)],
    ['the definition cannot be written', () => hostFiles.failOn('writeDurably', broken)],
  ])('because %s leaves guest and store as they were', async (_what, arrange) => {
    arrange();
    const { status, error } = await run();
    expect([status, error?.message]).toEqual(['failed', 'broken on purpose']);
    await expectUntouched();
    await expectNoImage();
  });

  it('for want of space half-way is a failure, no refusal', async () => {
    diskTool.failOn('convert', new DarkroomError('NO_SPACE', 'the store is full'));
    const { error } = await run();
    expect(error).toEqual({ code: 'STORE_WRITE_FAILED', message: 'the store is full' });
    await expectUntouched();
    await expectNoImage();
  });

  it('resumes a guest whose pause failed half-way', async () => {
    hypervisor.failAfter('suspendDomain', broken);
    expect((await run({ consistency: 'paused' })).status).toBe('failed');
    await expectUntouched();
    await expectNoImage();
  });

  it('falls back to a pause when the freeze fails, and fails where it must be quiesced', async () => {
    hypervisor.failOn('freezeFileSystems', new DarkroomError('FREEZE_FAILED', 'no'));
    const { result, warnings } = await run();
    expect((await store.readImage(result.imageId ?? '')).consistency?.achieved).toBe('paused');
    expect(warnings).toEqual([expect.stringContaining('Paused instead of quiesced')]);
    hypervisor.failOn('freezeFileSystems', new DarkroomError('FREEZE_FAILED', 'no'));
    expect((await run({ consistency: 'quiesced' })).error?.code).toBe('FREEZE_FAILED');
    await expectUntouched();
  });

  it('says crash when fewer file systems thawed than were frozen', async () => {
    hypervisor.before('thawFileSystems', () => {
      guest.fileSystems = 1;
    });
    const { result } = await run();
    expect((await store.readImage(result.imageId ?? '')).consistency).toMatchObject({
      achieved: 'crash',
      reason: '2 file systems were frozen and 1 of them thawed',
    });
    await expectUntouched();
  });

  it.each(['create overlays', 'freezing', 'copy', 'verify'])('is undone when it is cancelled at %s', async (step) => {
    const isTime = (operation: Operation): boolean => operation.step === step;
    // slow enough that the step is seen
    for (const method of ['create', 'convert'] as const) diskTool.before(method, () => pause(20));
    hypervisor.before('freezeFileSystems', () => pause(20));
    hostFiles.before('hash', () => pause(20));
    const { status } = await runCancelled(core, createImage, { request: request(), isTime });
    expect(status).toBe('cancelled');
    await expectUntouched();
    await expectNoImage();
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
