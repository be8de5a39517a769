import { describe, expect, it } from 'vitest';
import { buildCheckpointXml, readCheckpoint } from '../../../../src/model/domain-xml/checkpoint-xml.ts';
import { parseXml, rootElement, selectElement, selectElements, text } from '../../../../src/model/domain-xml/xml.ts';

const disksOf = (xml: string): readonly (readonly (string | null)[])[] =>
  selectElements('./disks/disk', rootElement(parseXml(xml))).map((disk) =>
    ['name', 'checkpoint', 'bitmap'].map((name) => disk.getAttribute(name)),
  );

describe('buildCheckpointXml', () => {
  it('names every disk, with a bitmap of its own name in those that are meant', () => {
    const xml = buildCheckpointXml({ name: 'a & <b>', targets: ['vdb', 'vda'], allTargets: ['vda', 'vdb', 'sda'] });

    expect(disksOf(xml)).toEqual([
      ['vdb', 'bitmap', 'a & <b>'],
      ['vda', 'bitmap', 'a & <b>'],
      ['sda', 'no', null],
    ]);
    expect(text('./name', rootElement(parseXml(xml)))).toBe('a & <b>');
  });

  it('leaves out what libvirt chooses for a new one', () => {
    const root = rootElement(parseXml(buildCheckpointXml({ name: 'new', targets: ['vda'], allTargets: ['vda'] })));

    for (const name of ['parent', 'creationTime', 'description', 'domain']) {
      expect(selectElement(`./${name}`, root)).toBeNull();
    }
  });

  it('is read as it was written', () => {
    const checkpoint = {
      name: 'two',
      description: 'of & <b>',
      parent: 'one',
      targets: ['vda'],
      creationTime: 1_700_000_000,
    };
    const xml = buildCheckpointXml({ ...checkpoint, allTargets: ['vda', 'vdb'] });

    expect(readCheckpoint(xml)).toEqual({
      parent: 'one',
      targets: ['vda'],
      creationTime: 1_700_000_000,
      sizes: new Map(),
    });
    expect(text('./description', rootElement(parseXml(xml)))).toBe('of & <b>');
  });

  it('refuses a list without bitmaps, which libvirt would take for all disks', () => {
    expect(() => buildCheckpointXml({ name: 'all', targets: [], allTargets: [] })).toThrow('all disks');
  });
});

describe('readCheckpoint', () => {
  it('tells the disks with a bitmap, not those of the domain within, and sizes where they are told', () => {
    const xml = `<domaincheckpoint><name>one</name><creationTime>1795277027</creationTime><disks>
      <disk name='vda' checkpoint='bitmap' bitmap='one' size='1048576'/>
      <disk name='vdb' checkpoint='bitmap' bitmap='one'/>
      <disk name='vdc' checkpoint='no'/></disks>
      <domain><name>guest</name><parent><name>not ours</name></parent><devices><disk/></devices></domain></domaincheckpoint>`;

    expect(readCheckpoint(xml)).toEqual({
      parent: null,
      targets: ['vda', 'vdb'],
      creationTime: 1_795_277_027,
      sizes: new Map([['vda', 1_048_576]]),
    });
  });
});
