import { describe, expect, it } from 'vitest';
import type { DiskFileInfo } from '../../../../src/model/ports/disk-tool.ts';
import { judgeLayer } from '../../../../src/model/snapshot/judge-layer.ts';

const backing = { name: 'p.qcow2', path: '/store/p.qcow2', format: 'qcow2' };
const info: DiskFileInfo = {
  path: '/store/s.qcow2',
  format: 'qcow2',
  virtualSizeBytes: 1024,
  actualSizeBytes: 10,
  clusterSizeBytes: 65536,
  backing,
  dataFile: null,
  isEncrypted: false,
  isDirty: false,
  isCorrupt: false,
  internalSnapshotCount: 0,
  bitmaps: [],
};
const snapshot = { parent: 'p', logicalBytes: 1024, isEncrypted: false };

describe('the header of a snapshot’s file', () => {
  it('says what the record says', () => {
    expect(judgeLayer(snapshot, info)).toBeNull();
    expect(judgeLayer({ ...snapshot, parent: null }, { ...info, backing: null })).toBeNull();
  });

  it.each<readonly [string, Partial<DiskFileInfo>, RegExp]>([
    ['another format', { format: 'raw' }, /raw instead of qcow2/],
    ['another size', { virtualSizeBytes: 2048 }, /2048 bytes instead of 1024/],
    ['a data file', { dataFile: '/etc/passwd' }, /another file/],
    ['encryption', { isEncrypted: true }, /should not be/],
    ['corruption', { isCorrupt: true }, /corrupt/],
    ['another backing file', { backing: { ...backing, name: '/store/p.qcow2' } }, /instead of "p.qcow2"/],
    ['no backing file', { backing: null }, /none instead of/],
    ['a backing file of no stated format', { backing: { ...backing, format: null } }, /whatever it looks like/],
    ['a raw backing file', { backing: { ...backing, format: 'raw' } }, /raw instead of as qcow2/],
  ])('is not taken with %s', (_what, changes, complaint) => {
    expect(judgeLayer(snapshot, { ...info, ...changes })).toMatch(complaint);
  });
});
