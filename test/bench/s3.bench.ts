import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { z } from 'zod';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { startAgent } from '../e2e/support/running-agent.ts';
import { type OwnCeph, startCeph } from '../support/engines.ts';
import { putManifests } from './many-objects.ts';
import { peakMemoryMiB } from './peak-memory.ts';
import { report } from './report.ts';
import { median, percentile, round } from './statistics.ts';

const RUNS = Number(process.env['DARKROOM_BENCH_RUNS'] ?? 3);
const SIZE_GIB = Number(process.env['DARKROOM_BENCH_S3_GIB'] ?? 3);
const IMAGES = 10_000;
const REQUESTS = 20;
const REST_MS = 5_000;
const PEAK_LIMIT_MIB = 400;

const imageSchema = z.object({ id: z.string() });

let ceph: OwnCeph;
let bucket: string;
beforeAll(async () => {
  ceph = await startCeph();
  bucket = await ceph.createBucket();
});
afterAll(async () => {
  await ceph?.[Symbol.asyncDispose]();
});

describe(`an image of ${SIZE_GIB} GiB that nothing compresses`, () => {
  let darkroom: DarkroomHost;
  let disk: string;
  let image: string;
  beforeAll(async () => {
    darkroom = await hostOf(`s3://${bucket}/images`, { isDefault: false });
    disk = path.join(darkroom.folder, 'disk.qcow2');
    const raw = path.join(darkroom.folder, 'disk.raw');
    await runCommand('dd', ['if=/dev/urandom', `of=${raw}`, 'bs=1M', `count=${SIZE_GIB * 1024}`, 'status=none']);
    await runCommand('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
    await rm(raw);
    const imported = await darkroom.json(['image', 'import', disk, '--name', 'large']);
    image = imageSchema.parse(imported).id;
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('goes to the store and comes back', { timeout: 1_800_000 }, async () => {
    const times = { up: [] as number[], awsUp: [] as number[], down: [] as number[], awsDown: [] as number[] };
    const back = path.join(darkroom.folder, 'back.qcow2');
    const peaks: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      times.awsUp.push(await timed(() => aws(['cp', disk, `s3://${bucket}/by-hand`])));
      times.awsDown.push(await timed(() => aws(['cp', `s3://${bucket}/by-hand`, back])));
      await rm(back);
      await aws(['rm', `s3://${bucket}/by-hand`]);
      times.up.push(
        await timed(async () => peaks.push(await peakMemoryMiB(darkroom, ['image', 'copy', image, '--to', 'ceph']))),
      );
      await darkroom.json(['image', 'delete', image]);
      await rm(path.join(darkroom.folder, 'cache'), { recursive: true, force: true });
      times.down.push(
        await timed(async () => peaks.push(await peakMemoryMiB(darkroom, ['image', 'copy', image, '--from', 'ceph']))),
      );
      await aws(['rm', '--recursive', '--quiet', `s3://${bucket}/images/`]);
    }
    const rows = [
      { what: `image of ${SIZE_GIB} GiB to S3`, ours: times.up, theirs: times.awsUp },
      { what: `image of ${SIZE_GIB} GiB from S3`, ours: times.down, theirs: times.awsDown },
    ].map(({ what, ours, theirs }) => {
      const [mine, hand] = [median(ours) / 1000, median(theirs) / 1000];
      const limit = 'at most 1.0 of aws s3 cp';
      return { what, ours: round(mine), theirs: round(hand), unit: 's', limit, isMet: mine <= hand } as const;
    });
    const peak = Math.max(...peaks);
    await report([
      ...rows,
      {
        what: 'its memory, at most',
        ours: round(peak),
        theirs: null,
        unit: 'MiB',
        limit: `under ${PEAK_LIMIT_MIB} MiB`,
        isMet: peak < PEAK_LIMIT_MIB,
      },
    ]);
  });
});

describe(`${IMAGES} images in the store`, () => {
  it('are listed', { timeout: 1_800_000 }, async () => {
    const prefix = `list-${randomUUID().slice(0, 8)}`;
    await putManifests({ ...ceph, bucket, prefix }, IMAGES);
    await using darkroom = await hostOf(`s3://${bucket}/${prefix}`, { isDefault: true });
    const list = async (): Promise<number> => timed(() => darkroom.json(['image', 'list']));
    const first = await list();
    const again: number[] = [];
    for (let run = 0; run < 5; run++) again.push(await list());
    const peak = await peakMemoryMiB(darkroom, ['image', 'list', '--json']);
    await using agent = await startAgent(darkroom);
    await agent.get('/v1/images');
    const asked: number[] = [];
    for (let request = 0; request < REQUESTS; request++) asked.push(await timed(() => agent.get('/v1/images')));
    const [warm, served] = [median(again) / 1000, percentile(asked, 50)];
    const what = `image list, ${IMAGES} images in S3`;
    await report([
      { what, ours: round(warm), theirs: null, unit: 's', limit: 'under 1 s', isMet: warm < 1 },
      {
        what: `${what}: the first on a host`,
        ours: round(first / 1000),
        theirs: null,
        unit: 's',
        limit: '',
        isMet: null,
      },
      { what: `${what}: memory`, ours: round(peak), theirs: null, unit: 'MiB', limit: '', isMet: null },
      {
        what: `GET /v1/images, ${IMAGES} images in S3`,
        ours: round(served),
        theirs: null,
        unit: 'ms',
        limit: 'under 150 ms',
        isMet: served < 150,
      },
    ]);
  });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  await runCommand('sync', []);
  await sleep(REST_MS);
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** A host whose configuration has that store, under the name `ceph`. */
async function hostOf(url: string, { isDefault }: { readonly isDefault: boolean }): Promise<DarkroomHost> {
  const env = {
    DARKROOM_S3_ENDPOINT: ceph.endpoint,
    AWS_ACCESS_KEY_ID: ceph.accessKey,
    AWS_SECRET_ACCESS_KEY: ceph.secretKey,
  };
  return await createDarkroomHost({ env, ...(isDefault ? { store: url } : { stores: { ceph: { url } } }) });
}

function aws(args: readonly string[]): Promise<string> {
  const env = { AWS_ACCESS_KEY_ID: ceph.accessKey, AWS_SECRET_ACCESS_KEY: ceph.secretKey };
  const place = ['--endpoint-url', ceph.endpoint, '--region', ceph.region, '--only-show-errors'];
  return runCommand('/usr/bin/aws', [...place, 's3', ...args], { env });
}
