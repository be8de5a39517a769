import { describe, expect, it } from 'vitest';
import { buildBackupXml, readBackupPaths } from '../../../../src/model/domain-xml/backup-xml.ts';
import { attribute, parseXml, rootElement, selectElements } from '../../../../src/model/domain-xml/xml.ts';

const HOSTILE_PATH = `/disks/it's a "disk": über & <b>,file=x.qcow2`;

describe('buildBackupXml', () => {
  it('pushes each disk into its own file, all of it or what changed since a checkpoint of its own', () => {
    const root = rootElement(
      parseXml(
        buildBackupXml([
          { target: 'vda', path: HOSTILE_PATH, incremental: 'a & <b>' },
          { target: 'vdb', path: '/staging/b.qcow2', incremental: null },
        ]),
      ),
    );

    expect(root.getAttribute('mode')).toBe('push');
    const disks = selectElements('./disks/disk', root).map((disk) => ({
      name: disk.getAttribute('name'),
      backup: disk.getAttribute('backup'),
      mode: disk.getAttribute('backupmode'),
      since: disk.getAttribute('incremental'),
      format: attribute('./driver', 'type', disk),
      file: attribute('./target', 'file', disk),
    }));
    expect(disks).toEqual([
      { name: 'vda', backup: 'yes', mode: 'incremental', since: 'a & <b>', format: 'qcow2', file: HOSTILE_PATH },
      { name: 'vdb', backup: 'yes', mode: 'full', since: null, format: 'qcow2', file: '/staging/b.qcow2' },
    ]);
  });

  it('refuses a list without disks, which libvirt would take for all of them', () => {
    expect(() => buildBackupXml([])).toThrow('all disks');
  });
});

describe('readBackupPaths', () => {
  it('gives the targets of a push and the scratch files of a pull, of disks that take part', () => {
    const disks = [
      "<disk name='vda' backup='yes'><target file='/a'/></disk><disk name='vdb' backup='no'/>",
      "<disk name='vda' type='block'><scratch dev='/dev/b'/></disk><disk name='vdb'><scratch file='/c'/></disk>",
    ];

    expect(disks.map((each) => readBackupPaths(`<domainbackup><disks>${each}</disks></domainbackup>`))).toEqual([
      ['/a'],
      ['/dev/b', '/c'],
    ]);
  });
});
