import { describe, expect, it } from 'vitest';
import { imageFolder, isSafeFileName, partialPath, userPath } from '../../../../src/drivers/stores/documents/layout.ts';

describe('the layout of the directory store', () => {
  it.each([
    'disk-vda.qcow2',
    'nvram.fd',
    'domain.xml',
    'tpm/tpm2-00.permall',
    'tpm/2.0/.lock',
    'disk-hdc.raw',
    'a..b',
    'users.txt',
    'tpm/users',
    'tpm/manifest.json',
  ])('takes %j as a name of a file', (file) => expect(isSafeFileName(file)).toBe(true));

  it.each([
    '',
    '.',
    '..',
    '/',
    '/etc/passwd',
    '../x',
    'tpm/..',
    'tpm/../../x',
    'a//b',
    'a/',
    './a',
    'a\\b',
    'a b',
    'a\nb',
    'a\0',
    'nbd:host',
    'a,b',
    'ä',
    'manifest.json',
    'users',
    'users/x.json',
    '.disk-vda.qcow2.partial',
    'tpm/.state.partial',
    'a/b/c/d/e/f',
    'x'.repeat(201),
  ])('refuses %j', (file) => expect(isSafeFileName(file)).toBe(false));

  it('writes a file under a hidden name in the same folder, so that its rename is atomic', () => {
    expect(partialPath('/s/images/i/disk-vda.qcow2')).toBe('/s/images/i/.disk-vda.qcow2.partial');
    expect(partialPath('/s/images/i/tpm/2.0/state')).toBe('/s/images/i/tpm/2.0/.state.partial');
  });

  it('makes paths of nothing but UUIDs', () => {
    const id = '11111111-2222-4333-8444-55555555abcd';
    expect(imageFolder('/s', id)).toBe(`/s/images/${id}`);
    expect(() => imageFolder('/s', `${id}\n`)).toThrow('no image');
    expect(userPath('/s', { imageId: id, instanceId: id })).toBe(`/s/images/${id}/users/${id}.json`);
    expect(() => userPath('/s', { imageId: id, instanceId: 'x' })).toThrow('not an instance id');
  });
});
