import { expect, it } from 'vitest';
import { overlayPath, overlayStem, parseOverlayPath } from '../../../src/model/overlay-name.ts';

const OPERATION = '0197c2f4-5d1e-7a3b-8c9d-0e1f2a3b4c5d';

it.each([
  '/var/lib/libvirt/images/web.qcow2',
  '/disks/with blanks, commas: "quotes" & <brackets>.raw',
  '/disks/über/磁盘',
  '/disks/line\nbreak.qcow2',
  `/disks/web.${OPERATION}.overlay.qcow2`,
])('finds disk and operation again in the name of an overlay of %j', (diskPath) => {
  const overlay = overlayPath(diskPath, OPERATION);
  expect(overlay.endsWith(`.${OPERATION}.overlay.qcow2`)).toBe(true);
  expect(parseOverlayPath(overlay)).toEqual({ diskPath, operationId: OPERATION });
});

it.each([
  '/disks/web.qcow2',
  '/disks/web.overlay.qcow2',
  `/disks/web.${OPERATION}.overlay.raw`,
  `/disks/web.${OPERATION}.overlay.qcow2.old`,
  `/disks/web.${OPERATION.toUpperCase()}.overlay.qcow2`,
  '/disks/web.0197c2f4.overlay.qcow2',
  '',
])('does not claim %j', (path) => {
  expect(parseOverlayPath(path)).toBeNull();
});

it('names overlays of files after the file', () => {
  expect(overlayStem({ path: '/var/lib/disks/web.qcow2', isBlockDevice: false })).toBe('web.qcow2');
});

it('tells devices of the same name apart, whose overlays share a folder', () => {
  const stems = ['/dev/ssd/root', '/dev/hdd/root', '/dev/root', '/dev/mapper/ssd-root'].map((path) =>
    overlayStem({ path, isBlockDevice: true }),
  );
  expect(new Set(stems).size).toBe(4);
  expect(stems.every((stem) => !stem.includes('/'))).toBe(true);
});
