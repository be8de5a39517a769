import { describe, expect, it } from 'vitest';
import { isProtocolName, resolveBackingName } from '../../../../src/drivers/qemu-img/backing-name.ts';

describe('isProtocolName', () => {
  it.each([
    ['nbd://host/x', true],
    ['json:{"driver":"file"}', true],
    ['file:/etc/passwd', true],
    ['a:b.qcow2', true],
    [':x', true],
    ['./a:b.qcow2', false],
    ['/a:b', false],
    ['base.qcow2', false],
    ['', false],
  ])('says of %s: %s', (name, expected) => {
    expect(isProtocolName(name)).toBe(expected);
  });
});

describe('resolveBackingName', () => {
  it.each([
    ['/disks/a.qcow2', 'base.qcow2', '/disks/base.qcow2'],
    ['/disks/a.qcow2', './b:c.qcow2', '/disks/b:c.qcow2'],
    ['/disks/a.qcow2', '../base.qcow2', '/disks/../base.qcow2'],
    ['/disks/a.qcow2', '/other//base', '/other//base'],
    ['/disks/a.qcow2', 'nbd://host', 'nbd://host'],
    ['/a', 'b', '/b'],
  ])('takes in %s the name %s for %s', (overlay, name, expected) => {
    expect(resolveBackingName(overlay, name)).toBe(expected);
  });
});
