import { expect, it } from 'vitest';
import { findPasswdEntry } from '../../../../src/drivers/host/users.ts';

const TEXT = 'root:x:0:0:root:/root:/bin/sh\n+nis\nbroken:x:::\nqemu:x:64055:109::/var/lib/libvirt:/usr/sbin/nologin';

it.each([
  ['root', { uid: 0, gid: 0 }],
  ['qemu', { uid: 64055, gid: 109 }],
  ['broken', null],
  ['+nis', null],
  ['roo', null],
  ['', null],
])('finds in passwd the user %j: %j', (name, expected) => {
  expect(findPasswdEntry(TEXT, name)).toEqual(expected);
});
