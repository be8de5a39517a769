import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBucket } from '../../src/drivers/stores/s3/bucket/create-bucket.ts';
import type { Bucket, BucketOptions } from '../../src/drivers/stores/s3/bucket.ts';
import { createS3Shelf } from '../../src/drivers/stores/s3/shelf/s3-shelf.ts';
import type { ShelfClaim } from '../../src/model/shelved-instance.ts';
import { type S3Target, s3Target } from '../support/s3-target.ts';
import { makeClaim, makeShelved } from '../support/sample-shelf.ts';
import { describeShelf } from './shelf.ts';

const HOST = fileURLToPath(new URL('../support/claiming-host.mjs', import.meta.url));
const PROCESSES = 4;
const RACERS = 8;

let target: S3Target;
let bucketName: string;

beforeAll(async () => {
  target = await s3Target();
  bucketName = await target.newBucket();
});
afterAll(async () => await target.dropBucket(bucketName));

/** A store of its own, in the bucket that all share. */
function newStore(): BucketOptions {
  const options = target.bucketOptions(bucketName);
  return { ...options, location: `s3://${path.posix.join(bucketName, randomUUID())}` };
}

describeShelf('the shelf in a bucket', async () => {
  const options = newStore();
  const bucket = createBucket(options);
  return {
    shelf: createS3Shelf({ bucket }),
    other: createS3Shelf({ bucket: createBucket(options) }),
    putRecord: async (id, content) => void (await bucket.put(`instances/${id}.json`, content)),
    dispose: async () => undefined,
  };
});

describe('the shelf in a bucket, as objects', () => {
  const id = randomUUID();
  let bucket: Bucket;
  const keys = async () => (await bucket.list('')).map(({ key }) => key).sort();

  beforeEach(() => {
    bucket = createBucket(newStore());
  });

  it('has the documented names, and a claim that was given up says so', async () => {
    const shelf = createS3Shelf({ bucket });
    const claim = makeClaim(id);
    await shelf.write(makeShelved(id));
    await shelf.claim(claim);
    expect(await keys()).toEqual([`instances/${id}.claim`, `instances/${id}.json`]);
    const document = await bucket.get(`instances/${id}.claim`, { maxBytes: 4096 });
    expect(JSON.parse(String(document?.content))).toMatchObject({ version: 1, ...claim });
    await shelf.releaseClaim(id, claim.operationId);
    await shelf.remove(id);
    expect(await keys()).toEqual([`instances/${id}.claim`]);
    const tombstone = await bucket.get(`instances/${id}.claim`, { maxBytes: 4096 });
    expect(JSON.parse(String(tombstone?.content))).toMatchObject({ version: 1, released: true });
  });

  it('leaves nothing when it is asked whether it can be written to', async () => {
    await createS3Shelf({ bucket }).assertWritable();
    expect(await keys()).toEqual([]);
  });
});

describe('a claim in a bucket that processes of several hosts race for', () => {
  let hosts: readonly Host[];
  let options: BucketOptions;

  beforeEach(async () => {
    options = newStore();
    hosts = await Promise.all(Array.from({ length: PROCESSES }, () => startHost(options)));
  });
  afterEach(() => {
    for (const { stop } of hosts) stop();
  });
  const hostOf = (racer: number): Host => {
    const host = hosts[racer % PROCESSES];
    if (host === undefined) throw new Error('there are no hosts');
    return host;
  };

  it('goes to exactly one, again and again after it was given up', async () => {
    const shelf = createS3Shelf({ bucket: createBucket(options) });
    const id = randomUUID();
    for (let round = 0; round < 10; round += 1) {
      const claims = Array.from({ length: RACERS }, (_, racer) => makeClaim(id, `host-${racer}`));
      const answers = await Promise.all(claims.map((claim, racer) => hostOf(racer).ask('claim', claim)));
      const winners = claims.filter((_, racer) => answers[racer] === null);
      expect(winners).toHaveLength(1);
      expect(await shelf.readClaim(id)).toEqual(winners[0]);
      await shelf.releaseClaim(id, winners[0]?.operationId ?? '');
    }
  });

  it('is taken over by exactly one', async () => {
    const shelf = createS3Shelf({ bucket: createBucket(options) });
    const id = randomUUID();
    let holder = makeClaim(id, 'dead');
    await shelf.claim(holder);
    for (let round = 0; round < 10; round += 1) {
      const thieves = Array.from({ length: RACERS }, (_, racer) => makeClaim(id, `thief-${racer}`));
      const answers = await Promise.all(thieves.map((thief, racer) => hostOf(racer).ask('steal', thief, holder)));
      const winners = thieves.filter((_, racer) => answers[racer] === true);
      expect(winners).toHaveLength(1);
      expect(await shelf.readClaim(id)).toEqual(winners[0]);
      holder = winners[0] ?? holder;
    }
  });
});

interface Host {
  readonly ask: (verb: 'claim' | 'steal', ...facts: readonly ShelfClaim[]) => Promise<unknown>;
  readonly stop: () => void;
}

interface Answer {
  readonly number: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

async function startHost(options: BucketOptions): Promise<Host> {
  const child: ChildProcess = fork(HOST, [JSON.stringify(options)], { stdio: 'inherit' });
  const waiting = new Map<number, (answer: Answer) => void>();
  const answerTo = (number: number) => new Promise<Answer>((resolve) => void waiting.set(number, resolve));
  child.on('message', (message: Answer) => waiting.get(message.number)?.(message));
  await answerTo(-1);
  let last = 0;
  return {
    ask: async (verb, ...facts) => {
      last += 1;
      const answered = answerTo(last);
      child.send({ number: last, verb, facts });
      const { answer, failure } = await answered;
      if (failure !== undefined) throw new Error(failure);
      return answer;
    },
    stop: () => void child.kill(),
  };
}
