import { existsSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceDiskSources } from '../../../src/model/domain-xml/disk-sources.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { CapturePlan } from '../../../src/operations/capture-plan.ts';
import { returnToChain } from '../../../src/operations/steps/capture/return-to-chain.ts';
import { settleGuest } from '../../../src/operations/steps/capture/settle-guest.ts';
import {
  type CaptureHost,
  GUEST_UUID,
  makeCaptureHost,
  NOTHING_LEFT,
  putOnOverlays,
  topsOf,
} from '../../support/capture-host.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readFakeContent, writeFakeDisk } from '../../support/fake-disk-tool.ts';

const OFF = { ...NOTHING_LEFT, powerState: 'shutdown', tops: null };

let host: CaptureHost;
let plan: CapturePlan;

beforeEach(async () => {
  host = makeCaptureHost();
  plan = await putOnOverlays(host);
});

afterEach(() => host.dispose());

function overlayOf(target: string): string {
  return plan.disks.find((disk) => disk.target === target)?.overlayPath ?? '';
}

it('brings a running guest back, and finds nothing more to do', async () => {
  expect(await returnToChain(host.core, plan)).toEqual([]);
  expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  const calls = host.hypervisor.calls.length;
  expect(await returnToChain(host.core, plan)).toEqual([]);
  expect(host.hypervisor.calls.slice(calls)).not.toContain('startActiveCommit');
  expect(host.hypervisor.calls.slice(calls)).not.toContain('defineDomain');
});

it('commits from outside what a guest wrote that is off since, and defines its disks again', async () => {
  await host.fake.destroyDomain(GUEST_UUID);
  await returnToChain(host.core, plan);
  expect(await host.leftovers()).toEqual(OFF);
  expect(readFakeContent(host.disks.vda)).toBe('on the overlay of vda');
  expect(readFakeContent(host.disks.vdb)).toBe('on the overlay of vdb');
});

describe('a guest whose pivot libvirt never learned of, because it lost sight of a QEMU that ran on', () => {
  const save = async (): Promise<void> => {
    saved.push(plan.disks.map(({ mayBePivoted }) => mayBePivoted === true));
  };
  const saved: boolean[][] = [];

  /** The journal says that the pivot was asked for, libvirt that the disk is on its overlay. */
  async function loseSight({ diskIsNewerByMs }: { readonly diskIsNewerByMs: number }): Promise<void> {
    await host.fake.destroyDomain(GUEST_UUID);
    saved.length = 0;
    for (const disk of plan.disks) {
      disk.mayBePivoted = true;
      const written = new Date('2026-01-01T00:00:00Z');
      utimesSync(disk.overlayPath ?? '', written, written);
      const later = new Date(written.getTime() + diskIsNewerByMs);
      utimesSync(disk.path, later, later);
    }
  }

  it('keeps what it wrote to its disk since: its overlay is older', async () => {
    await loseSight({ diskIsNewerByMs: 60_000 });
    const content = readFakeContent(host.disks.vda);
    const notes: string[] = [];
    await returnToChain(host.core, plan, { save, onNote: (note) => notes.push(note) });
    expect(readFakeContent(host.disks.vda)).toBe(content);
    expect(notes).toEqual([expect.stringContaining('vda was used'), expect.stringContaining('vdb was used')]);
    expect(await host.leftovers()).toEqual(OFF);
  });

  it('gets what is on its overlay where the two were written to at the same time, which is on record before', async () => {
    await loseSight({ diskIsNewerByMs: 500 });
    const seen: unknown[] = [];
    await returnToChain(host.core, plan, {
      save: async () => {
        await save();
        seen.push(readFakeContent(host.disks.vda));
      },
    });
    expect(readFakeContent(host.disks.vda)).toBe('on the overlay of vda');
    expect(seen[0]).not.toBe('on the overlay of vda');
    expect(saved[0]).toEqual([false, true]);
  });

  it('waits for the next recovery where that cannot be put on record', async () => {
    await loseSight({ diskIsNewerByMs: 500 });
    const full = async (): Promise<never> => {
      throw new DarkroomError('NO_SPACE', 'full');
    };
    await expectFailure(returnToChain(host.core, plan, { save: full }), 'NO_SPACE');
    expect(existsSync(overlayOf('vda'))).toBe(true);
  });
});

it('has each pivot on record before it is asked for, and brings the guest back where the journal is full', async () => {
  const pivots: boolean[] = [];
  host.hypervisor.before(
    'pivotBlockJob',
    () => void pivots.push(plan.disks.some((disk) => disk.mayBePivoted === true)),
  );
  const full = async (): Promise<never> => {
    throw new DarkroomError('NO_SPACE', 'full');
  };
  await returnToChain(host.core, plan, { save: full });
  expect(pivots).toEqual([true, true]);
  expect(await host.leftovers()).toEqual(NOTHING_LEFT);
});

it('makes what was committed from outside durable before an overlay is deleted', async () => {
  await host.fake.destroyDomain(GUEST_UUID);
  const order: string[] = [];
  host.files.before('sync', (file) => order.push(`sync ${file}`));
  host.files.before('remove', (file) => order.push(`remove ${file}`));
  await returnToChain(host.core, plan);
  expect(order.slice(0, 2)).toEqual([`sync ${host.disks.vda}`, `sync ${host.disks.vdb}`]);
});

it('keeps what was edited in the definition meanwhile, but for the disks', async () => {
  host.domain.inactiveXml = (host.domain.inactiveXml ?? '').replace('<vcpu>1</vcpu>', '<vcpu>4</vcpu>');
  await host.fake.destroyDomain(GUEST_UUID);
  await returnToChain(host.core, plan);
  expect(host.domain.inactiveXml).toContain('<vcpu>4</vcpu>');
  expect((await host.leftovers()).definedTops).toEqual(['vda.qcow2', 'vdb.raw']);
});

it('defines a guest again that was undefined while it runs, with its autostart', async () => {
  await host.fake.undefineDomain(GUEST_UUID, { nvram: 'keep', tpm: 'keep' });
  const notes = await returnToChain(host.core, { ...plan, isAutostart: true });
  expect(notes.join()).toContain('its definition was put back');
  expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  expect(host.domain.isAutostart).toBe(true);
});

it('commits and defines again a guest that is gone altogether', async () => {
  await host.fake.undefineDomain(GUEST_UUID, { nvram: 'keep', tpm: 'keep' });
  await host.fake.destroyDomain(GUEST_UUID);
  await returnToChain(host.core, plan);
  expect(await host.leftovers()).toEqual(OFF);
  expect(readFakeContent(host.disks.vda)).toBe('on the overlay of vda');
});

it('commits a transient guest that is gone, and defines nothing', async () => {
  await host.fake.undefineDomain(GUEST_UUID, { nvram: 'keep', tpm: 'keep' });
  await host.fake.destroyDomain(GUEST_UUID);
  expect(await returnToChain(host.core, { ...plan, isPersistent: false })).toEqual([]);
  expect(host.fake.domains.size).toBe(0);
  expect(readFakeContent(host.disks.vdb)).toBe('on the overlay of vdb');
});

it('never commits an overlay that the guest has left: what it wrote since would be undone', async () => {
  // vda is back; then the guest vanishes, so that no XML tells where its disks were
  host.hypervisor.before('startActiveCommit', async (_uuid, options) => {
    if (JSON.stringify(options).includes(overlayOf('vdb'))) {
      writeFakeDisk(host.disks.vda, { content: 'newer than the overlay' });
      await host.fake.undefineDomain(GUEST_UUID, { nvram: 'keep', tpm: 'keep' });
      await host.fake.destroyDomain(GUEST_UUID);
    }
  });
  await returnToChain(host.core, plan);
  expect(readFakeContent(host.disks.vda)).toBe('newer than the overlay');
  expect(readFakeContent(host.disks.vdb)).toBe('on the overlay of vdb');
  expect(await host.leftovers()).toEqual(OFF);
});

it('lets a guest that was suspended meanwhile go on upon its old chain', async () => {
  await host.fake.managedSaveDomain(GUEST_UUID);
  expect(topsOf(await host.fake.getManagedSaveXml(GUEST_UUID))?.join()).toContain('overlay');
  await returnToChain(host.core, plan);
  expect(topsOf(await host.fake.getManagedSaveXml(GUEST_UUID))).toEqual(['vda.qcow2', 'vdb.raw']);
  expect(host.domain.hasManagedSave).toBe(true);
  expect(readFakeContent(host.disks.vda)).toBe('on the overlay of vda');
  expect((await host.leftovers()).files).toEqual(['vda.qcow2', 'vdb.raw']);
});

it('deletes no overlay while a saved memory names it', async () => {
  await host.fake.managedSaveDomain(GUEST_UUID);
  host.hypervisor.failOn('defineManagedSaveXml', new DarkroomError('LIBVIRT_FAILED', 'no'));
  await expectFailure(returnToChain(host.core, plan), 'LIBVIRT_FAILED');
  expect(existsSync(overlayOf('vda'))).toBe(true);
});

it('commits the overlay of a disk that was detached while the guest runs', async () => {
  host.domain.activeXml = (host.domain.activeXml ?? '').replace(
    /<disk(?:(?!<disk)[\s\S])*vdb\.raw[\s\S]*?<\/disk>/,
    '',
  );
  expect(topsOf(host.domain.activeXml)).toHaveLength(1);
  await returnToChain(host.core, plan);
  expect(readFakeContent(host.disks.vdb)).toBe('on the overlay of vdb');
  expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, tops: ['vda.qcow2'] });
});

describe('a snapshot of somebody else on top of an overlay', () => {
  beforeEach(async () => {
    const foreign = `${host.root}/foreign.qcow2`;
    const disk = `<disk name='vdb'><source file='${foreign}'/></disk>`;
    await host.fake.createDiskSnapshot(GUEST_UUID, `<domainsnapshot><disks>${disk}</disks></domainsnapshot>`);
  });

  it.each([
    ['runs', async () => undefined],
    ['is off', () => host.fake.destroyDomain(GUEST_UUID)],
  ])('keeps the overlay when the guest %s', async (_what, act) => {
    await act();
    const error = await expectFailure(returnToChain(host.core, plan), 'COMMIT_FAILED');
    expect(error.message).toContain('somebody else');
    expect(existsSync(overlayOf('vdb'))).toBe(true);
  });
});

it('deletes no overlay that the definition names after all', async () => {
  host.hypervisor.before('defineDomain', () => {
    throw new DarkroomError('LIBVIRT_FAILED', 'no');
  });
  await host.fake.destroyDomain(GUEST_UUID);
  await expectFailure(returnToChain(host.core, plan), 'LIBVIRT_FAILED');
  expect(existsSync(overlayOf('vda'))).toBe(true);
});

it('deletes no overlay that the definition still names, whatever libvirt answered', async () => {
  await host.fake.destroyDomain(GUEST_UUID);
  const deaf = { ...host.core, hypervisor: { ...host.core.hypervisor, defineDomain: async () => GUEST_UUID } };
  await expectFailure(returnToChain(deaf, plan), 'COMMIT_FAILED');
  expect(existsSync(overlayOf('vda'))).toBe(true);
});

it('keeps the overlay of a disk that libvirt left on it without an error', async () => {
  const stuck = { ...host.core, hypervisor: { ...host.core.hypervisor, pivotBlockJob: async () => undefined } };
  await expectFailure(returnToChain(stuck, plan), 'COMMIT_FAILED');
  expect(existsSync(overlayOf('vda'))).toBe(true);
});

describe('what libvirt still does for a dead client', () => {
  it('row 55: is waited for before the chain is believed', async () => {
    // the snapshot is under way: the XML shows the old chain until the question behind it is answered
    const onOverlays = { active: host.domain.activeXml, inactive: host.domain.inactiveXml };
    host.domain.activeXml = replaceDiskSources(onOverlays.active ?? '', plan.disks);
    host.domain.inactiveXml = plan.savedXml;
    host.hypervisor.before('getBlockJob', () => {
      host.domain.activeXml = onOverlays.active;
      host.domain.inactiveXml = onOverlays.inactive;
      host.hypervisor.before('getBlockJob', () => undefined);
    });
    await settleGuest(host.core, plan);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect(host.hypervisor.calls).toContain('startActiveCommit');
  });

  it('leaves everything to the next start when it takes too long', async () => {
    const timeout = new DarkroomError('LIBVIRT_FAILED', 'cannot acquire state change lock', {
      fields: { libvirtCode: 68 },
    });
    host.hypervisor.failOn('getBlockJob', timeout);
    await expectFailure(settleGuest(host.core, plan), 'LIBVIRT_FAILED');
    expect(existsSync(overlayOf('vda'))).toBe(true);
  });
});
