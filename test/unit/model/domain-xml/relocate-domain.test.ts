import { describe, expect, it } from 'vitest';
import { listMedia, type Relocation, relocateDomain } from '../../../../src/model/domain-xml/relocate-domain.ts';
import { parseXml, serializeXml } from '../../../../src/model/domain-xml/xml.ts';

const NOWHERE: Relocation = { files: new Map(), networks: new Map(), flattened: [], missingMedia: [] };
const XML = `<domain type='kvm'><name>web</name>
  <metadata><x:note xmlns:x="urn:x" path="/old/vda.qcow2">/old/vda.qcow2</x:note></metadata>
  <os><nvram>/old/vars.fd</nvram></os>
  <devices>
    <disk type='file' device='disk'><source file='/old/vda.qcow2'/><backingStore type='file'><source file='/old/base.qcow2'/></backingStore><target dev='vda'/></disk>
    <disk type='file' device='cdrom'><source file='/old/a.iso'/><target dev='sda'/></disk>
    <interface type='network'><source network='default'/></interface>
    <interface type='bridge'><source bridge='default'/></interface>
  </devices></domain>`;

const rows: readonly (readonly [what: string, change: Partial<Relocation>, from: string, to: string])[] = [
  [
    'a disk',
    { files: new Map([['/old/vda.qcow2', "/new/it's & <b>"]]) },
    '<source file="/old/vda.qcow2"/>',
    '<source file="/new/it\'s &amp; &lt;b&gt;"/>',
  ],
  [
    'the variables',
    { files: new Map([['/old/vars.fd', '/new/vars.fd']]) },
    '<nvram>/old/vars.fd',
    '<nvram>/new/vars.fd',
  ],
  ['a network', { networks: new Map([['default', 'lan']]) }, '<source network="default"/>', '<source network="lan"/>'],
  [
    'a base that is gone',
    { flattened: ['vda'] },
    '<backingStore type="file"><source file="/old/base.qcow2"/></backingStore>',
    '',
  ],
  ['a medium that is missing', { missingMedia: ['/old/a.iso'] }, '<source file="/old/a.iso"/>', ''],
  ['a medium that came along', { files: new Map([['/old/a.iso', '/new/a.iso']]) }, '/old/a.iso', '/new/a.iso'],
];

describe('relocateDomain', () => {
  it('changes nothing where nothing moved', () => {
    expect(relocateDomain(XML, NOWHERE)).toBe(serializeXml(parseXml(XML)));
  });

  it.each(rows)('changes %s, and nothing else', (_, change, from, to) => {
    const before = serializeXml(parseXml(XML));
    expect(before).toContain(from);
    expect(relocateDomain(XML, { ...NOWHERE, ...change })).toBe(before.replace(from, to));
  });

  it('finds the variables where their path is an attribute', () => {
    const xml = "<domain><os><nvram format='qcow2'><source file='/old/vars'/></nvram></os></domain>";
    const moved = relocateDomain(xml, { ...NOWHERE, files: new Map([['/old/vars', '/new/vars']]) });
    expect(moved).toContain('<source file="/new/vars"/>');
  });
});

describe('listMedia', () => {
  it('names files in drives, and no disks', () => {
    expect(listMedia(XML)).toEqual(['/old/a.iso']);
    expect(
      listMedia(
        "<domain><devices><disk device='cdrom'/><disk device='floppy'><source file='/f'/></disk></devices></domain>",
      ),
    ).toEqual(['/f']);
  });
});
