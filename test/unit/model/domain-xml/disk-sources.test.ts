import { describe, expect, it } from 'vitest';
import {
  buildSnapshotXml,
  readDiskPaths,
  replaceDiskSources,
  restoreDiskElements,
} from '../../../../src/model/domain-xml/disk-sources.ts';
import { attribute, parseXml, rootElement, selectElements, text } from '../../../../src/model/domain-xml/xml.ts';

const HOSTILE_PATH = `/disks/it's a "disk": über & <b>,file=x.overlay.qcow2`;

function domain(disks: string, rest = ''): string {
  return `<domain type='kvm'><name>web</name>${rest}<devices>${disks}<emulator>/usr/bin/qemu</emulator></devices></domain>`;
}

function disk(target: string, path: string): string {
  return `<disk type='file' device='disk'><driver type='qcow2'/><source file='${path}'/><target dev='${target}'/></disk>`;
}

describe('buildSnapshotXml', () => {
  it('names every disk, so that libvirt picks none by itself', () => {
    const xml = buildSnapshotXml('a & <b>', [
      { target: 'vda', overlayPath: HOSTILE_PATH },
      { target: 'sda', overlayPath: null },
    ]);
    const root = rootElement(parseXml(xml));
    expect(text('./name', root)).toBe('a & <b>');
    const disks = selectElements('./disks/disk', root);
    expect(disks.map((element) => [element.getAttribute('name'), element.getAttribute('snapshot')])).toEqual([
      ['vda', 'external'],
      ['sda', 'no'],
    ]);
    expect(disks.map((element) => attribute('./source', 'file', element))).toEqual([HOSTILE_PATH, null]);
    expect(disks.map((element) => attribute('./driver', 'type', element))).toEqual(['qcow2', null]);
  });
});

describe('readDiskPaths', () => {
  it('gives files and devices by target and leaves out what is neither', () => {
    const xml = domain(
      disk('vda', '/disks/a.qcow2') +
        "<disk type='block'><source dev='/dev/vg/b'/><target dev='vdb'/></disk>" +
        "<disk type='network'><source protocol='rbd' name='pool/c'/><target dev='vdc'/></disk>" +
        "<disk type='file' device='cdrom'><target dev='sda'/></disk>",
    );
    expect([...readDiskPaths(xml)]).toEqual([
      ['vda', '/disks/a.qcow2'],
      ['vdb', '/dev/vg/b'],
    ]);
  });

  it('reads the top of a chain, not what lies below it', () => {
    const chain = "<backingStore type='file'><source file='/disks/base.qcow2'/></backingStore>";
    const xml = domain(`<disk type='file'>${chain}<source file='/disks/top.qcow2'/><target dev='vda'/></disk>`);
    expect(readDiskPaths(xml).get('vda')).toBe('/disks/top.qcow2');
  });
});

describe('restoreDiskElements', () => {
  const saved = domain(disk('vda', '/disks/a.qcow2') + disk('vdb', '/disks/b.qcow2'));

  it('puts back the named disks alone and keeps an edit made meanwhile', () => {
    const current = domain(disk('vda', '/disks/a.overlay') + disk('vdb', '/disks/b.overlay'), '<title>edited</title>');
    const restored = restoreDiskElements(current, saved, ['vda']);
    expect([...readDiskPaths(restored)]).toEqual([
      ['vda', '/disks/a.qcow2'],
      ['vdb', '/disks/b.overlay'],
    ]);
    expect(text('./title', rootElement(parseXml(restored)))).toBe('edited');
  });

  it('leaves a disk alone that was detached or attached meanwhile', () => {
    const current = domain(disk('vdb', '/disks/b.overlay') + disk('vdc', '/disks/new.qcow2'));
    const restored = restoreDiskElements(current, saved, ['vda', 'vdb', 'vdc']);
    expect([...readDiskPaths(restored)]).toEqual([
      ['vdb', '/disks/b.qcow2'],
      ['vdc', '/disks/new.qcow2'],
    ]);
  });
});

describe('replaceDiskSources', () => {
  it('changes source, type and format and drops the chain and the mirror that were recorded', () => {
    const chain = "<backingStore type='file'><source file='/x'/></backingStore><mirror type='file' file='/y'/>";
    const xml = domain(`<disk type='file'><source file='/o'/>${chain}<target dev='vda'/><serial>7</serial></disk>`);
    const replaced = replaceDiskSources(xml, [
      { target: 'vda', path: '/dev/vg/a', format: 'raw', isBlockDevice: true },
      { target: 'vdz', path: '/nowhere', format: 'raw', isBlockDevice: false },
    ]);
    const [element] = selectElements('./devices/disk', rootElement(parseXml(replaced)));
    if (element === undefined) throw new Error('the disk is gone');
    expect(element.getAttribute('type')).toBe('block');
    expect(attribute('./source', 'dev', element)).toBe('/dev/vg/a');
    expect(attribute('./source', 'file', element)).toBeNull();
    expect(attribute('./driver', 'type', element)).toBe('raw');
    expect(selectElements('./backingStore | ./mirror', element)).toEqual([]);
    expect(text('./serial', element)).toBe('7');
  });
});
