import { expect, it } from 'vitest';
import type { FileStat } from '../../../../../src/model/ports/host.ts';
import type { CaptureDisk } from '../../../../../src/operations/capture-plan.ts';
import { measureOverlays } from '../../../../../src/operations/steps/capture/overlay-space.ts';
import { createFakeFiles } from '../../../../support/fake-host.ts';
import { createImageCore } from '../../../../support/image-core.ts';

interface Layer extends Partial<FileStat> {
  readonly allocatedBytes: number;
  readonly device?: number;
}

interface Disk {
  readonly format?: 'qcow2' | 'raw';
  readonly base: Layer;
  /** null: not there any more. */
  readonly overlay: Layer | null;
}

/** `free` by device; `low` is the setting. */
function measure(disks: Readonly<Record<string, Disk>>, { free, low }: { free: Record<number, number>; low: number }) {
  const files = createFakeFiles();
  const devices = new Map<string, number>();
  const declare = (path: string, layer: Layer): void => {
    files.declare(path, layer);
    devices.set(path.slice(0, path.lastIndexOf('/')), layer.device ?? 1);
  };
  const planned: CaptureDisk[] = Object.entries(disks).map(([target, { format = 'qcow2', base, overlay }]) => {
    const path = `/base-${target}/disk`;
    const overlayPath = `/overlay-${target}/disk`;
    declare(path, base);
    if (overlay !== null) declare(overlayPath, overlay);
    return { target, path, format, isBlockDevice: base.kind === 'block-device', overlayPath };
  });
  const freeBytes = async (place: string): Promise<number> => free[devices.get(place) ?? 0] ?? 0;
  const core = createImageCore({ files: { ...files, freeBytes } }, { overlayLowSpaceBytes: low });
  return measureOverlays(core, planned);
}

it.each([
  ['room for the commit and the rest', { free: { 1: 150 }, low: 50 }, null],
  ['one byte too little', { free: { 1: 149 }, low: 50 }, 149],
] as const)('an overlay of 100 bytes beside its base, with %s', async (_what, host, free) => {
  const space = await measure({ vda: { base: { allocatedBytes: 500 }, overlay: { allocatedBytes: 100 } } }, host);
  expect(space.shortage?.freeBytes ?? null).toBe(free);
  expect(space.overlayBytes).toEqual(new Map([['vda', 100]]));
});

it('sums up what several commits may need on one file system', async () => {
  const disk: Disk = { base: { allocatedBytes: 1 }, overlay: { allocatedBytes: 100 } };
  const { shortage } = await measure({ vda: disk, vdb: disk }, { free: { 1: 249 }, low: 50 });
  expect(shortage).toMatchObject({ targets: ['vda', 'vdb'], overlayBytes: 200, commitBytes: 200 });
});

it('a raw base needs no more than its holes, a block device nothing', async () => {
  const overlay = { allocatedBytes: 100 };
  const raw: Disk = { format: 'raw', base: { sizeBytes: 1000, allocatedBytes: 970 }, overlay };
  const device: Disk = { format: 'raw', base: { kind: 'block-device', allocatedBytes: 0, sizeBytes: 1000 }, overlay };
  const { shortage } = await measure({ vda: raw, vdb: device }, { free: { 1: 79 }, low: 50 });
  expect(shortage).toMatchObject({ overlayBytes: 200, commitBytes: 30 });
  expect((await measure({ vda: raw, vdb: device }, { free: { 1: 80 }, low: 50 })).shortage).toBeNull();
});

it('where an overlay lies elsewhere, it may fill its own file system and its commit that of the base', async () => {
  const disks = { vda: { base: { allocatedBytes: 1, device: 1 }, overlay: { allocatedBytes: 100, device: 2 } } };
  expect((await measure(disks, { free: { 1: 150, 2: 50 }, low: 50 })).shortage).toBeNull();
  expect((await measure(disks, { free: { 1: 149, 2: 999 }, low: 50 })).shortage).toMatchObject({ place: '/base-vda' });
  expect((await measure(disks, { free: { 1: 999, 2: 49 }, low: 50 })).shortage).toMatchObject({
    place: '/overlay-vda',
  });
});

it('overlays that are gone need nothing', async () => {
  const space = await measure({ vda: { base: { allocatedBytes: 1 }, overlay: null } }, { free: {}, low: 50 });
  expect(space).toEqual({ overlayBytes: new Map(), shortage: null });
});
