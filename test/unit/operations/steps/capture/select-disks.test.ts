import { describe, expect, it } from 'vitest';
import { describeDomain } from '../../../../../src/model/domain-xml/describe-domain.ts';
import type { ErrorCode } from '../../../../../src/model/errors.ts';
import { type DiskSelection, selectDisks } from '../../../../../src/operations/steps/capture/select-disks.ts';
import { expectFailure } from '../../../../support/expect-failure.ts';

const PLAIN =
  "<disk type='file' device='disk'><driver type='qcow2'/><source file='/a.qcow2'/><target dev='vda'/></disk>";

function select(...disks: readonly string[]): DiskSelection {
  const xml = `<domain><name>web</name><uuid>u</uuid><devices>${disks.join('')}</devices></domain>`;
  return selectDisks(describeDomain(xml));
}

describe('selectDisks', () => {
  it('takes files and block devices, with the format that the XML states and raw where it states none', () => {
    const { captured } = select(
      PLAIN,
      "<disk type='block' device='disk'><driver type='raw'/><source dev='/dev/vg/b'/><target dev='vdb'/></disk>",
      "<disk><source file='/c'/><target dev='sda'/></disk>",
    );
    expect(captured).toEqual([
      { target: 'vda', path: '/a.qcow2', format: 'qcow2', isBlockDevice: false },
      { target: 'vdb', path: '/dev/vg/b', format: 'raw', isBlockDevice: true },
      { target: 'sda', path: '/c', format: 'raw', isBlockDevice: false },
    ]);
  });

  it('leaves out what no image holds, empty or not, and says why', () => {
    const { captured, skipped } = select(
      PLAIN,
      "<disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>",
      "<disk type='network' device='cdrom'><source protocol='http' name='x'/><target dev='sdb'/></disk>",
      "<disk type='file' device='floppy'><source file='/f'/><target dev='fda'/></disk>",
      "<disk type='file'><source file='/r'/><target dev='vdb'/><readonly/></disk>",
      "<disk type='network'><source protocol='rbd' name='x'/><target dev='vdc'/><shareable/></disk>",
    );
    expect(captured.map(({ target }) => target)).toEqual(['vda']);
    expect(skipped).toEqual([
      { target: 'sda', device: 'cdrom', reason: 'cdrom' },
      { target: 'sdb', device: 'cdrom', reason: 'cdrom' },
      { target: 'fda', device: 'floppy', reason: 'floppy' },
      { target: 'vdb', device: 'disk', reason: 'readonly' },
      { target: 'vdc', device: 'disk', reason: 'shareable' },
    ]);
  });

  it.each<[string, string, ErrorCode]>([
    ['no disk at all', '', 'NO_DISKS'],
    ['only what is left out', "<disk device='cdrom'><target dev='sda'/></disk>", 'NO_DISKS'],
    [
      'a network disk',
      "<disk type='network'><source protocol='rbd' name='x'/><target dev='vda'/></disk>",
      'DISK_UNSUPPORTED',
    ],
    [
      'a storage volume',
      "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>",
      'DISK_UNSUPPORTED',
    ],
    ['a LUN', "<disk type='block' device='lun'><source dev='/dev/b'/><target dev='sda'/></disk>", 'DISK_UNSUPPORTED'],
    ['a disk without a source', "<disk type='file'><target dev='vda'/></disk>", 'DISK_UNSUPPORTED'],
    ['another format', PLAIN.replace("'qcow2'", "'vmdk'"), 'DISK_UNSUPPORTED'],
    ['a transient disk', PLAIN.replace('</disk>', '<transient/></disk>'), 'DISK_UNSUPPORTED'],
    ['an encrypted disk', PLAIN.replace('</disk>', "<encryption format='luks'/></disk>"), 'DISK_UNSUPPORTED'],
    [
      'a disk encrypted in its source',
      PLAIN.replace("<source file='/a.qcow2'/>", "<source file='/a.qcow2'><encryption format='luks'/></source>"),
      'DISK_UNSUPPORTED',
    ],
  ])('refuses %s', async (_what, disk, code) => {
    await expectFailure((async () => select(disk))(), code);
  });

  it('refuses the whole capture for one disk that it cannot take, since an image without it would be a lie', async () => {
    const network = "<disk type='network'><source protocol='rbd' name='x'/><target dev='vdb'/></disk>";
    const refusal = await expectFailure((async () => select(PLAIN, network))(), 'DISK_UNSUPPORTED');
    expect(refusal.message).toContain('vdb');
  });
});
