import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { VerifyImageRequest } from '../../../src/model/requests.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { recoverVerifyImage, verifyImage } from '../../../src/operations/verify-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeDiskTool, readFakeDisk, writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-host.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runCancelled, runToEnd } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const GIB = 1024 ** 3;
const DOMAIN_XML = `<domain type='qemu'><name>web</name><uuid>7d2f0b1c-1111-4222-8333-000000000009</uuid>
  <memory unit='MiB'>256</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/x'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><source network='default'/></interface><serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`;

let store: FakeImageStore;
let instancesDir: string;
let hypervisor: FakeHypervisor;
let clock: FakeClock;

beforeEach(async () => {
  store = createFakeImageStore();
  hypervisor = createFakeHypervisor();
  clock = createFakeClock();
  instancesDir = mkdtempSync(path.join(tmpdir(), 'dr-im-'));
  await publish();
});

afterEach(() => {
  store.dispose();
  rmSync(instancesDir, { recursive: true, force: true });
});

/** An image of one disk and firmware variables, whose disk has not been hashed yet. */
async function publish(): Promise<void> {
  const draft = await store.createDraft(ID);
  writeFakeDisk(draft.path('disk-vda.qcow2'), { content: 'root' });
  const { sizeBytes } = await draft.seal('disk-vda.qcow2');
  writeFileSync(draft.path('nvram.fd'), 'variables');
  await draft.seal('nvram.fd');
  writeFileSync(draft.path('domain.xml'), DOMAIN_XML);
  await draft.seal('domain.xml');
  const file = { file: 'disk-vda.qcow2', target: 'vda', format: 'qcow2', sha256: null } as const;
  const disks = [{ ...file, virtualSizeBytes: GIB, sizeBytes }];
  const nvram = { file: 'nvram.fd', sizeBytes: 9, sha256: sha256('variables') };
  await draft.publish(makeImage(ID, { disks, nvram, sizeBytes, checksum: { algorithm: 'sha256', value: null } }));
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function fileOf(name: string): string {
  return path.join(store.rootPath, 'images', ID, name);
}

function makeCore(parts: Partial<Omit<Core, 'settings'>> = {}): Core {
  return createImageCore({ store, hypervisor, clock, ...parts }, { instancesDir });
}

function verify(changes: Partial<VerifyImageRequest> = {}, core = makeCore()) {
  return runToEnd(core, verifyImage, { ...request, ...changes });
}

const request = { kind: 'image.verify', image: ID, isBooted: false, expect: null, timeoutMs: 60_000 } as const;

describe('reading an image again', () => {
  it('fills in the sums that are not known yet', async () => {
    const operation = await verify();
    expect(operation).toMatchObject({ status: 'succeeded', result: { imageId: ID } });
    const seen = sha256(readFileSync(fileOf('disk-vda.qcow2')));
    expect(await store.readImage(ID)).toMatchObject({ disks: [{ sha256: seen }], checksum: { value: seen } });
  });

  it('writes nothing when all was known and right', async () => {
    await verify();
    const faulty = makeFaulty(store);
    faulty.failOn('updateImage', new Error('read-only'));
    expect((await verify({}, makeCore({ store: faulty.port }))).status).toBe('succeeded');
  });

  it('makes an image that had failed active again', async () => {
    await store.updateImage({ ...(await store.readImage(ID)), status: 'error' });
    await verify();
    expect((await store.readImage(ID)).status).toBe('active');
  });

  it.each<[string, () => void | Promise<void>, RegExp]>([
    [
      'a disk that grew',
      () => appendFileSync(fileOf('disk-vda.qcow2'), ' '),
      /length of disk-vda.qcow2 should be \d+ bytes/,
    ],
    ['a disk that is gone', () => rmSync(fileOf('disk-vda.qcow2')), /missing/],
    ['other firmware variables', () => writeFileSync(fileOf('nvram.fd'), 'VARIABLES'), /SHA-256 of nvram.fd/],
    ['a machine that is gone', () => rmSync(fileOf('domain.xml')), /domain.xml/],
    ['a disk of another format', () => replaceDisk({ format: 'raw22' }), /format of disk-vda.qcow2/],
    [
      'a disk with a backing file',
      () => replaceDisk({ backing: { path: '/etc/shadow', format: 'raw' } }),
      /backing file/,
    ],
    ['a disk with an external data file', () => replaceDisk({ dataFile: '/etc/shadow' }), /data file/],
    ['a disk of another virtual size', () => replaceDisk({ virtualSizeBytes: 2 * GIB }), /virtual size/],
  ])('finds %s, says so, and marks the image', async (_, damage, message) => {
    await damage();
    const operation = await verify();
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_DAMAGED' } });
    expect(operation.error?.message).toMatch(message);
    expect((await store.readImage(ID)).status).toBe('error');
  });

  /** A disk file with another record, whose length the manifest knows. */
  async function replaceDisk(changes: Parameters<typeof writeFakeDisk>[1] | { format: string }): Promise<void> {
    const file = fileOf('disk-vda.qcow2');
    writeFakeDisk(file, { ...readFakeDisk(file), ...changes });
    const image = await store.readImage(ID);
    const sizeBytes = readFileSync(file).length;
    await store.updateImage({ ...image, disks: image.disks.map((disk) => ({ ...disk, sizeBytes })) });
  }

  it('finds a single wrong byte by the sum, and names both sums', async () => {
    await verify();
    const file = fileOf('disk-vda.qcow2');
    const content = readFileSync(file, 'utf8');
    writeFileSync(file, content.replace('root', 'r00t'));
    const { error } = await verify();
    expect(error?.message).toContain(sha256(content));
    expect(error?.message).toContain(sha256(readFileSync(file)));
  });

  it('finds what qemu-img check finds', async () => {
    const diskTool = {
      ...createFakeDiskTool(),
      check: async () => ({ isSound: false, corruptions: 3, leaks: 0, checkErrors: 0 }),
    };
    const operation = await verify({}, makeCore({ diskTool }));
    expect(operation).toMatchObject({ error: { code: 'IMAGE_DAMAGED' } });
    expect(operation.error?.message).toContain('3 corruptions');
  });

  it('does not call an image damaged when the tool is missing or it is cancelled', async () => {
    const faulty = makeFaulty(createFakeDiskTool());
    faulty.failOn('info', new DarkroomError('TOOL_MISSING', 'no qemu-img'));
    expect((await verify({}, makeCore({ diskTool: faulty.port }))).error?.code).toBe('TOOL_MISSING');
    expect((await store.readImage(ID)).status).toBe('active');
  });

  it('tells of the damage even when the store cannot be written', async () => {
    appendFileSync(fileOf('disk-vda.qcow2'), ' ');
    const faulty = makeFaulty(store);
    faulty.failOn('updateImage', new Error('read-only'));
    expect((await verify({}, makeCore({ store: faulty.port }))).error?.code).toBe('IMAGE_DAMAGED');
  });

  it('runs beside a launch, and not beside a delete', async () => {
    const core = makeCore();
    await acquireLocks(core, { exclusive: [], shared: [`image:${ID}`] }, { operationId: 'a', kind: 'instance.launch' });
    expect((await verify({}, core)).status).toBe('succeeded');
    await core.locks.release('a');
    await acquireLocks(core, { exclusive: [`image:${ID}`], shared: [] }, { operationId: 'b', kind: 'image.delete' });
    await expectFailure(verify({}, core), 'IMAGE_BUSY');
  });

  it('does not read an image that is being deleted', async () => {
    await store.updateImage({ ...(await store.readImage(ID)), status: 'deleting' });
    await expectFailure(verify(), 'IMAGE_STATE');
  });
});

describe('booting an image', () => {
  /** What the guest does when it is looked at for the n-th time. */
  function onLook(look: number, act: (domain: FakeDomain) => void): void {
    let looks = 0;
    clock.onSleep = () => {
      looks += 1;
      const [domain] = hypervisor.domains.values();
      if (looks === look && domain !== undefined) act(domain);
    };
  }

  function assertNothingLeft(): void {
    expect(hypervisor.domains.size).toBe(0);
    expect(readdirSync(instancesDir)).toEqual([]);
  }

  function consoleOf(domain: FakeDomain): string {
    return /<serial type="file"><source path="([^"]+)"/.exec(domain.activeXml ?? '')?.[1] ?? '';
  }

  it('waits for the guest agent and leaves nothing', async () => {
    onLook(2, (domain) => {
      domain.agent = 'answering';
    });
    const operation = await verify({ isBooted: true });
    expect(operation.error).toBeNull();
    expect(operation.timings['bootMs']).toBeGreaterThan(0);
    expect((await store.readImage(ID)).bootProof).toEqual({ at: clock.now().toISOString(), hasBooted: true });
    assertNothingLeft();
  });

  it('starts a machine without a network, on overlays, with a console in a file and variables of its own', async () => {
    let xml = '';
    onLook(1, (domain) => {
      xml = domain.activeXml ?? '';
      const { disks, nvramPath } = describeDomain(xml);
      const overlay = readFakeDisk(disks[0]?.path ?? '');
      expect(overlay.backing?.path).toBe(fileOf('disk-vda.qcow2'));
      expect(nvramPath).toBeNull();
      expect(existsSync(consoleOf(domain))).toBe(true);
      domain.agent = 'answering';
    });
    await verify({ isBooted: true });
    const domain = describeDomain(xml);
    expect(domain.interfaces).toEqual([]);
    expect(domain.name).toMatch(/^darkroom-verify-/);
    expect(domain.uuid).not.toBe('7d2f0b1c-1111-4222-8333-000000000009');
    expect(domain.disks[0]?.path).toContain(instancesDir);
    expect(readFakeDisk(fileOf('disk-vda.qcow2')).content).toBe('root');
  });

  it('waits for the text that is expected on the console', async () => {
    onLook(2, (domain) => writeFileSync(consoleOf(domain), 'Debian GNU/Linux\r\nweb login: '));
    expect((await verify({ isBooted: true, expect: 'login:' })).error).toBeNull();
    assertNothingLeft();
  });

  it('gives up after the time limit, and shows the last lines of the console without control sequences', async () => {
    onLook(1, (domain) => writeFileSync(consoleOf(domain), '\u001b[2Jkernel panic\r\n\u001b[1mno root\u001b[0m\r\n'));
    const operation = await verify({ isBooted: true, expect: 'login:', timeoutMs: 3000 });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'VERIFY_FAILED' } });
    expect(operation.error?.message).toContain('within 3 s');
    expect(operation.error?.message).toContain('kernel panic\nno root');
    expect(await store.readImage(ID)).toMatchObject({ status: 'active', bootProof: { hasBooted: false } });
    assertNothingLeft();
  });

  it('fails as soon as the machine ends by itself', async () => {
    onLook(1, (domain) => void hypervisor.domains.delete(domain.uuid));
    const operation = await verify({ isBooted: true });
    expect(operation).toMatchObject({ error: { code: 'VERIFY_FAILED' } });
    expect(operation.error?.message).toContain('ended by itself');
    assertNothingLeft();
  });

  it('is refused when nothing could tell that the guest runs', async () => {
    writeFileSync(fileOf('domain.xml'), DOMAIN_XML.replace(/<channel.*<\/channel>/, ''));
    const operation = await verify({ isBooted: true });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_UNSUPPORTED' } });
    expect((await store.readImage(ID)).bootProof).toBeNull();
    expect(operation.error?.message).toContain('--expect');
    assertNothingLeft();
  });

  it('is refused when the machine names a file of the host', async () => {
    writeFileSync(
      fileOf('domain.xml'),
      DOMAIN_XML.replace('<devices>', '<devices><crypto model="virtio"><source path="/etc/shadow"/></crypto>'),
    );
    expect(await verify({ isBooted: true })).toMatchObject({ error: { code: 'IMAGE_REJECTED' } });
    assertNothingLeft();
  });

  it('does not start an image that is damaged', async () => {
    appendFileSync(fileOf('disk-vda.qcow2'), ' ');
    const faulty = makeFaulty(hypervisor);
    await verify({ isBooted: true }, makeCore({ hypervisor: faulty.port }));
    expect(faulty.calls).not.toContain('createTransientDomain');
  });

  it('leaves nothing when libvirt cannot start it', async () => {
    const faulty = makeFaulty(hypervisor);
    faulty.failOn('createTransientDomain', new DarkroomError('LIBVIRT_FAILED', 'no'));
    expect((await verify({ isBooted: true }, makeCore({ hypervisor: faulty.port }))).error?.code).toBe(
      'LIBVIRT_FAILED',
    );
    assertNothingLeft();
  });

  it('leaves nothing when it is cancelled', async () => {
    const operation = await runCancelled(makeCore(), verifyImage, {
      request: { ...request, isBooted: true, timeoutMs: 1e9 },
      isTime: ({ step }) => step === 'boot' && hypervisor.domains.size > 0,
    });
    expect(operation.status).toBe('cancelled');
    assertNothingLeft();
  });

  it('waits for libvirt to come back before it gives the machine up', async () => {
    const faulty = makeFaulty(hypervisor);
    faulty.failOn('destroyDomain', new DarkroomError('LIBVIRT_UNREACHABLE', 'restarting'), { times: 3 });
    onLook(1, (domain) => {
      domain.agent = 'answering';
    });
    expect((await verify({ isBooted: true }, makeCore({ hypervisor: faulty.port }))).error).toBeNull();
    assertNothingLeft();
  });

  it('is cleaned up at the next start when its process died', async () => {
    const faulty = makeFaulty(hypervisor);
    let die = (): void => undefined;
    const death = new Promise<void>((resolve) => {
      die = resolve;
    });
    faulty.before('probeAgent', async () => {
      await death;
      throw new Error('dead');
    });
    const core = makeCore({ hypervisor: faulty.port });
    const dying = verify({ isBooted: true }, core);
    while (hypervisor.domains.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const restarted = { ...core, hypervisor, processes: { ...core.processes, isAlive: () => false } };
    await recoverOperations(restarted, { 'image.verify': recoverVerifyImage });
    assertNothingLeft();
    expect(await core.journal.list()).toMatchObject([{ plan: null, operation: { status: 'interrupted' } }]);
    die();
    await dying;
  });
});
