import { expect, it } from 'vitest';
import { findGroup } from '../../../../src/drivers/stores/files/image-owner.ts';
import { toStoreError } from '../../../../src/drivers/stores/files/store-errors.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';

const failure = { code: 'STORE_WRITE_FAILED', action: 'write', path: '/s/images' } as const;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something, write`), { code });
}

it.each([
  ['ENOSPC', 'NO_SPACE', 'no space left (ENOSPC): free some'],
  ['EDQUOT', 'NO_SPACE', 'no space left (EDQUOT)'],
  ['EROFS', 'STORE_WRITE_FAILED', 'mount it writable'],
  ['EACCES', 'STORE_WRITE_FAILED', 'run as root'],
  ['EPERM', 'STORE_WRITE_FAILED', 'no_root_squash'],
  ['EIO', 'STORE_WRITE_FAILED', 'kernel log'],
  ['EXDEV', 'STORE_WRITE_FAILED', 'EXDEV: something'],
])('says for %s what failed, where, and what to do', (errno, code, text) => {
  const error = toStoreError(systemError(errno), failure);
  expect(error.code).toBe(code);
  expect(error.message).toContain('Cannot write /s/images: ');
  expect(error.message).toContain(text);
  expect(error.fields).toEqual({ path: '/s/images', errno });
  expect(error.cause).toBeInstanceOf(Error);
});

it('leaves errors of ours as they are', () => {
  const ours = new DarkroomError('IMAGE_STATE', 'published');
  expect(toStoreError(ours, failure)).toBe(ours);
});

it('finds a group by its whole name', () => {
  const database = 'root:x:0:\nkvm-like:x:7:\nkvm:x:107:libvirt-qemu\nbroken\nodd:x:nan:\n';
  expect(findGroup(database, 'kvm')).toBe(107);
  expect(findGroup(database, 'kv')).toBeNull();
  expect(findGroup(database, 'broken')).toBeNull();
  expect(findGroup(database, 'odd')).toBeNull();
});
