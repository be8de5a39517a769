import { expect, it } from 'vitest';
import { readMountPoints } from '../../../src/model/mount-points.ts';

it('reads where file systems are mounted, blanks and all', () => {
  const mountinfo = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '36 22 7:0 / /srv/a\\040b rw,noatime - xfs /dev/loop0 rw',
    '',
  ].join('\n');
  expect(readMountPoints(mountinfo)).toEqual(['/', '/srv/a b']);
});
