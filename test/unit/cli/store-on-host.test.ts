import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseServiceName } from '../../../src/cli/service-name.ts';
import { storeOnHost } from '../../../src/cli/store-on-host.ts';

describe('a store on the command line', () => {
  it.each([
    ['ceph', 'ceph'],
    ['ceph.prod', 'ceph.prod'],
    ['s3://images/darkroom', 's3://images/darkroom'],
    ['/mnt/x/', '/mnt/x'],
    ['./ceph', path.resolve('ceph')],
    ['mnt/x', path.resolve('mnt/x')],
    ['..', path.resolve('..')],
  ])('%s means %s', (text, store) => {
    expect(storeOnHost({ host: null }, text)).toBe(store);
  });

  it('is no relative path for another host, and may be a name of its settings', () => {
    expect(storeOnHost({ host: 'node2' }, 'ceph')).toBe('ceph');
    expect(() => storeOnHost({ host: 'node2' }, './ceph')).toThrow("'./ceph' is a path on node2");
  });
});

describe('an image service on the command line', () => {
  it('is named with what it is', () => {
    expect(parseServiceName('--to', 'glance:lab')).toBe('lab');
  });

  it.each(['lab', 'glance:', 'ceph', 's3://lab', ''])("is not '%s'", (text) => {
    expect(() => parseServiceName('--to', text)).toThrow(`--to '${text}' is not glance:NAME`);
  });
});
