import { describe, expect, it } from 'vitest';
import { recogniseFormat } from '../../../../src/model/disk-formats/recognise-format.ts';

function head(offset: number, magic: string): Uint8Array {
  const bytes = Buffer.alloc(128 * 1024);
  bytes.write(magic, offset, 'latin1');
  return bytes;
}

it.each([
  ['qcow2', 0, 'QFI\xfb'],
  ['vmdk', 0, 'KDMV'],
  ['vmdk', 0, '# Disk DescriptorFile\nversion=1'],
  ['vdi', 0x40, '\x7f\x10\xda\xbe'],
  ['vhdx', 0, 'vhdxfile'],
  ['raw', 510, '\x55\xaa'],
  ['raw', 512, 'EFI PART'],
  ['raw', 0x8001, 'CD001'],
  ['raw', 0x438, '\x53\xef'],
  ['raw', 0, 'XFSB'],
  ['raw', 0x10040, '_BHRfS_M'],
])('takes a file for %s that has at %d what such a disk has', (format, offset, magic) => {
  expect(recogniseFormat(head(offset, magic))).toEqual({ kind: 'known', format });
});

it.each([
  ['gzip', 0, '\x1f\x8b'],
  ['xz', 0, '\xfd7zXZ\0'],
  ['zstd', 0, '\x28\xb5\x2f\xfd'],
  ['zip', 0, 'PK\x03\x04'],
  ['OVA', 257, 'ustar'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
  ['VHD', 0, 'conectix'],
])('names a %s and says what to do', (what, offset, magic) => {
  const recognition = recogniseFormat(head(offset, magic));
  expect(recognition).toMatchObject({ kind: 'refused' });
  expect(JSON.stringify(recognition)).toContain(what);
});

describe('a guest that wrote a signature into its raw disk', () => {
  it('is not taken for raw: whoever imports it must say so', () => {
    const disk = Buffer.from(head(510, '\x55\xaa'));
    disk.write('QFI\xfb', 0, 'latin1');
    expect(recogniseFormat(disk)).toEqual({ kind: 'known', format: 'qcow2' });
  });
});

it.each([Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(128 * 1024), Buffer.from('hello')])(
  'knows no format of a file that shows none',
  (bytes) => expect(recogniseFormat(bytes)).toEqual({ kind: 'unknown' }),
);
