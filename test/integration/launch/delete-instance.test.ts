import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { deleteInstance, recoverDeleteInstance } from '../../../src/operations/delete-instance.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  IMAGE_ID,
  type LaunchHost,
  launchRequest,
  machineXml,
  makeLaunchHost,
  NOTHING_LEFT,
  publishMachine,
} from '../../support/launch-host.ts';

let host: LaunchHost;
let instanceId: string;
let folder: string;

beforeEach(async () => {
  host = makeLaunchHost();
  await publishMachine(host);
  const { result } = await runToEnd(host.core, launchInstance, launchRequest({ userData: '#cloud-config\n' }));
  instanceId = result.instanceId ?? '';
  folder = path.join(host.instancesDir, instanceId);
});

afterEach(() => host.dispose());

const request = { kind: 'instance.delete', instance: 'web-1', isForced: false } as const;
const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');
const away = new DarkroomError('LIBVIRT_UNREACHABLE', 'gone for good');

async function remove(changes: { instance?: string; isForced?: boolean } = {}) {
  return await runToEnd(host.core, deleteInstance, { ...request, ...changes });
}

describe('an instance that Darkroom launched', () => {
  it.each(['running', 'paused', 'shutdown', 'suspended', 'crashed'] as const)(
    'goes with all its files while %s',
    async (powerState) => {
      const domain = host.fakeHypervisor.domains.get(instanceId);
      if (domain !== undefined) domain.powerState = powerState;
      if (domain !== undefined && (powerState === 'shutdown' || powerState === 'suspended')) domain.activeXml = null;
      expect(await remove()).toMatchObject({
        status: 'succeeded',
        target: 'web-1',
        result: { instanceId },
        warnings: [],
      });
      expect(await host.leftovers()).toEqual(NOTHING_LEFT);
      await host.core.store.readImage(IMAGE_ID);
    },
  );

  it('gives up its claim on the image only after its overlay is gone', async () => {
    let left: readonly string[] = ['?'];
    host.store.before('removeUser', async () => {
      left = await host.fakeFiles.list(folder);
    });
    await remove();
    expect(left).toEqual([]);
  });

  it('keeps what others put into its folder, and says so', async () => {
    writeFileSync(path.join(folder, 'disk-vda.mine.qcow2'), 'somebody made this');
    const { warnings } = await remove();
    expect((await host.leftovers()).files).toEqual([`${instanceId}/disk-vda.mine.qcow2`]);
    expect(warnings[0]).toContain('disk-vda.mine.qcow2');
  });

  it('keeps a disk that was attached later, and says so', async () => {
    const domain = host.fakeHypervisor.domains.get(instanceId);
    const extra =
      "<disk type='file' device='disk'><source file='/srv/data.img'/><target dev='vdb' bus='virtio'/></disk></devices>";
    if (domain?.inactiveXml != null) domain.inactiveXml = domain.inactiveXml.replace('</devices>', extra);
    const { warnings } = await remove();
    expect(warnings).toEqual(['Kept, because Darkroom did not make them: /srv/data.img.']);
  });

  it('keeps variables that somebody put elsewhere', async () => {
    const domain = host.fakeHypervisor.domains.get(instanceId);
    if (domain?.inactiveXml != null)
      domain.inactiveXml = domain.inactiveXml.replace(`${folder}/nvram.fd`, '/srv/vars.fd');
    const { warnings } = await remove();
    expect(warnings).toEqual(['Kept, because Darkroom did not make them: /srv/vars.fd.']);
  });

  it.each([
    ['is gone', null],
    ['is not JSON', '{'],
    ['is that of another instance', { instanceId: 'other' }],
    ['names another image', { imageId: 'other' }],
    ['leads out of the folder', { files: ['../../../etc/shadow'] }],
    ['names a path', { files: ['/etc/shadow'] }],
  ])('counts as not ours when its record %s', async (_, change) => {
    const file = path.join(folder, 'instance.json');
    const record: object = JSON.parse(readFileSync(file, 'utf8'));
    if (change === null) await host.fakeFiles.remove(file);
    else writeFileSync(file, typeof change === 'string' ? change : JSON.stringify({ ...record, ...change }));
    await expectFailure(remove(), 'INSTANCE_UNMANAGED');
    expect((await host.leftovers()).domains).toEqual(['web-1']);
  });

  it('is busy while another operation works on it', async () => {
    await acquireLocks(
      host.core,
      { exclusive: [`instance:${instanceId}`], shared: [] },
      { operationId: 'other', kind: 'image.create' },
    );
    await expectFailure(remove(), 'INSTANCE_BUSY');
  });
});

describe('a domain that Darkroom did not make', () => {
  beforeEach(() => {
    host.fakeHypervisor.put(machineXml({ devices: "<tpm model='tpm-crb'><backend type='emulator'/></tpm>" }), {
      powerState: 'running',
    });
  });

  it('is refused, naming --force', async () => {
    const error = await expectFailure(remove({ instance: 'source' }), 'INSTANCE_UNMANAGED');
    expect(error.message).toContain('--force');
    expect(host.hypervisor.calls).not.toContain('destroyDomain');
  });

  it('goes by force, and its disks and the state of its TPM are kept and named', async () => {
    const calls: unknown[] = [];
    host.hypervisor.before('undefineDomain', (_, options) => calls.push(options));
    const { warnings } = await remove({ instance: 'source', isForced: true });
    expect((await host.leftovers()).domains).toEqual(['web-1']);
    expect(warnings[0]).toBe('Kept, because Darkroom did not make them: /var/lib/libvirt/images/source.qcow2.');
    expect(warnings[1]).toContain('TPM');
    // its variables lie where libvirt makes them
    expect(calls).toEqual([{ nvram: 'remove', tpm: 'keep' }]);
  });

  it("keeps variables outside of libvirt's own folder", async () => {
    const calls: unknown[] = [];
    host.hypervisor.before('undefineDomain', (_, options) => calls.push(options));
    host.fakeHypervisor.put(machineXml({ os: '<nvram>/srv/vars.fd</nvram>' }));
    const { warnings } = await remove({ instance: 'source', isForced: true });
    expect(calls).toEqual([{ nvram: 'keep', tpm: 'keep' }]);
    expect(warnings[0]).toContain('/srv/vars.fd');
  });

  it('goes by force when it is transient', async () => {
    const xml = machineXml().replace('source<', 'fleeting<').replace('11111111-', '22222222-');
    await host.core.hypervisor.createTransientDomain(xml);
    await remove({ instance: 'fleeting', isForced: true });
    expect((await host.leftovers()).domains).not.toContain('fleeting');
  });

  it('is not ours because its folder holds a record of that name', async () => {
    const own = path.join(host.instancesDir, '11111111-2222-4333-8444-555555555555');
    mkdirSync(own);
    writeFileSync(path.join(own, 'instance.json'), readFileSync(path.join(folder, 'instance.json')));
    await expectFailure(remove({ instance: 'source' }), 'INSTANCE_UNMANAGED');
  });
});

describe('a delete that fails', () => {
  it.each([
    ['cannot be stopped', () => host.hypervisor.failOn('destroyDomain', broken)],
    ['cannot be undefined', () => host.hypervisor.failOn('undefineDomain', broken)],
  ])('because the domain %s leaves it with all its files', async (_, breakIt) => {
    breakIt();
    expect(await remove()).toMatchObject({ status: 'failed', error: { code: 'LIBVIRT_FAILED' } });
    const left = await host.leftovers();
    expect(left).toMatchObject({ domains: ['web-1'], users: ['web-1'] });
    expect(left.files.length).toBe(4);
    await remove();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['libvirt went away at the undefine', () => host.hypervisor.failAfter('undefineDomain', away)],
    ['a file cannot be removed', () => host.files.failOn('remove', broken)],
    ['the claim on the image cannot be given up', () => host.store.failOn('removeUser', broken)],
  ])('because %s is finished by recovery', async (_, breakIt) => {
    breakIt();
    expect((await remove()).status).toBe('interrupted');
    await recoverOperations(host.afterDeath(), { 'instance.delete': recoverDeleteInstance });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});

describe('a delete whose process died', () => {
  const never = (): Promise<never> => new Promise(() => undefined);

  async function dieAt(step: string): Promise<string[]> {
    const dead = new Promise<void>((resolve) => {
      host.journal.before('enterStep', (_, entered) => {
        if (entered !== step) return undefined;
        resolve();
        return never();
      });
    });
    await new OperationRunner(host.core).start(deleteInstance, request);
    await dead;
    host.journal.reset();
    await recoverOperations(host.afterDeath(), { 'instance.delete': recoverDeleteInstance });
    const entry = (await host.core.journal.list()).find(({ operation }) => operation.kind === 'instance.delete');
    expect(entry).toMatchObject({ plan: null, operation: { status: 'interrupted' } });
    return [...(entry?.operation.warnings ?? [])];
  }

  it('before the domain was undefined leaves the instance', async () => {
    expect(await dieAt('undefining')).toEqual(['The instance web-1 was not deleted; it may have been powered off.']);
    expect(await host.leftovers()).toMatchObject({ domains: ['web-1'], users: ['web-1'], locks: [] });
  });

  it.each(['removing files', 'deleted'])('after the domain was undefined is completed: at %s', async (step) => {
    expect(await dieAt(step)).toEqual(['The instance web-1 was deleted.']);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});
