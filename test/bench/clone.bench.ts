import { afterAll, beforeAll, describe, it } from 'vitest';
import { tinyGuestImage } from '../e2e/support/guest-image.ts';
import { parseImage } from '../e2e/support/images.ts';
import { createMount, type Mount } from '../e2e/support/loop-mount.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { bootTinyGuest, type Guest } from '../e2e/support/tiny-guest.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const RUNS = Number(process.env['DARKROOM_BENCH_RUNS'] ?? 5);

describe.each([
  { name: '1 GiB', sizeMiB: 1024 },
  { name: '20 GiB', sizeMiB: 20 * 1024 },
])('capture by shared blocks of $name', ({ name, sizeMiB }) => {
  let mount: Mount;
  let darkroom: DarkroomHost;
  let guest: Guest;

  beforeAll(async () => {
    mount = await createMount('xfs', 30 * 1024);
    darkroom = await createDarkroomHost({ store: `${mount.path}/store`, instancesDir: `${mount.path}/instances` });
    const disk = `${mount.path}/disk.qcow2`;
    await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', disk, `${sizeMiB}M`]);
    await runCommand('qemu-img', ['resize', '-q', '-f', 'qcow2', disk, `${sizeMiB}M`]);
    guest = await bootTinyGuest({
      image: await tinyGuestImage('bios'),
      disks: [{ target: 'vda', format: 'qcow2', path: disk }],
    });
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
    await mount?.[Symbol.asyncDispose]();
  });

  it('takes under a second whatever the size', async () => {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const started = performance.now();
      const image = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'clone']));
      times.push(performance.now() - started);
      await darkroom.json(['image', 'delete', image.id]);
    }
    const ms = median(times);
    await report([
      {
        what: `XFS reflink, ${name}: total`,
        ours: round(ms / 1000),
        theirs: null,
        unit: 's',
        limit: 'under 1 s',
        isMet: ms < 1000,
      },
    ]);
  });
});
