import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, listImages } from './support/captures.ts';
import { readDiskChains } from './support/disk-chains.ts';
import { isFrozen } from './support/guest-agent.ts';
import { parseImage } from './support/images.ts';
import { holdRequest, requestAndDie } from './support/kill-harness.ts';
import { keepData } from './support/machine-record.ts';
import { type RunningCommand, runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createS3Site, type S3Site } from './support/s3-site.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { shelve, unshelve } from './support/shelf.ts';
import { takeSnapshot } from './support/snapshots.ts';
import { createTestFolder, uniqueName } from './support/test-folder.ts';
import { defineTinyGuest } from './support/tiny-guest.ts';
import { domainExists } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

let site: S3Site;
let darkroom: DarkroomHost;
beforeAll(async () => {
  site = await createS3Site();
  // small parts: an upload has many, and a fault meets it in the middle
  const parts = { DARKROOM_S3_PART_SIZE: '5MiB', DARKROOM_S3_CONCURRENCY: '2' };
  darkroom = await createDarkroomHost({ store: site.store, env: { ...site.env, ...parts } });
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  await site.gateway.start();
  site.gateway.continue();
  site.gateway.limit(null);
  site.gateway.beBusy(0);
});

/** Bytes per second: an upload takes some seconds, and a fault meets it in the middle. */
const SLOW = 5 * 1024 ** 2;
const COPIED_MIB = 80;
const SOON = { DARKROOM_S3_RETRY_FOR: '2' };
const runningGuest = useSharedGuest();

const createArgs = (guest: { readonly name: string }): readonly string[] => [
  'image',
  'create',
  guest.name,
  '--name',
  uniqueName(),
  '--json',
];

describe('a store that goes away', () => {
  it('row 24: before a capture refuses it, and the guest is not touched', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    await site.gateway.stop();
    await expectRefusal(darkroom, createArgs(guest).slice(0, -1), { exitCode: 5, code: 'STORE_UNUSABLE', env: SOON });
    await assertClean(before, darkroom);
  });

  it('row 18: in the middle of an upload and for good: the capture fails, the guest is as it was, nothing looks like an image', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    site.gateway.limit(SLOW);
    const create = darkroom.start(createArgs(guest), { env: SOON });
    await waitForStep(create, 'upload');
    await site.gateway.stop();
    const { exitCode, stderr } = await create.ended;
    expect([exitCode, stderr]).toEqual([6, expect.stringContaining('Cannot upload')]);
    await assertClean(before, darkroom);
    await site.gateway.start();
    // what could not be removed then is removed by the next command
    expect(await listImages(darkroom)).toEqual([]);
    await expectNoTrace();
  });

  it('for a while: the upload goes on when it is back, and the image is whole', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    site.gateway.limit(SLOW);
    const create = darkroom.start(createArgs(guest));
    await waitForStep(create, 'upload');
    await site.gateway.stop();
    await sleep(3000);
    site.gateway.limit(null);
    site.gateway.beBusy(5);
    await site.gateway.start();
    const { exitCode, stdout, stderr } = await create.ended;
    expect(exitCode, stderr).toBe(0);
    const { id } = z.object({ id: z.string() }).parse(JSON.parse(stdout));
    await darkroom.json(['image', 'verify', id]);
    await darkroom.json(['image', 'delete', id]);
    await assertClean(before, darkroom);
    await expectNoTrace();
  });

  it('row 25: that hangs keeps no guest frozen or on an overlay: it is back on its chain while the upload waits', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    const create = darkroom.start(createArgs(guest));
    await waitForStep(create, 'upload');
    site.gateway.pause();
    expect(await isFrozen(guest)).toBe(false);
    expect(await readDiskChains(guest)).toEqual(before.chains);
    await guest.run('echo works >/root/while-it-hangs && sync');
    site.gateway.continue();
    await expectBriefFreeze(create, before);
  });

  it('row 21: hangs already when the point in time comes: the guest does not wait for it', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    const create = darkroom.start(createArgs(guest));
    await waitForStep(create, 'freezing');
    site.gateway.pause();
    await waitForStep(create, 'verify');
    expect(await isFrozen(guest)).toBe(false);
    expect(await readDiskChains(guest)).toEqual(before.chains);
    site.gateway.continue();
    await expectBriefFreeze(create, before);
  });

  it('row 18: without room: the capture fails, the guest is as it was and nothing is left', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    await site.setQuota(8 * 1024 ** 2);
    try {
      const { exitCode, stderr } = await darkroom.run(createArgs(guest));
      expect([exitCode, stderr]).toEqual([6, expect.stringContaining('QuotaExceeded')]);
    } finally {
      await site.setQuota(null);
    }
    await assertClean(before, darkroom);
    await expectNoTrace();
  });

  it('in the middle of a snapshot: it fails cleanly, and the next one is right', async () => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    site.gateway.limit(SLOW);
    const create = darkroom.start(['snapshot', 'create', `${guest.name}/vda`, '--json'], { env: SOON });
    await waitForStep(create, 'publish');
    await site.gateway.stop();
    expect((await create.ended).exitCode).toBe(6);
    site.gateway.limit(null);
    await site.gateway.start();
    await assertClean(before, darkroom);
    const snapshot = await takeSnapshot(darkroom, `${guest.name}/vda`);
    expect(await darkroom.run(['snapshot', 'verify', snapshot.id, '--deep'])).toMatchObject({ exitCode: 0 });
    await darkroom.json(['snapshot', 'delete', snapshot.id]);
    expect((await site.keys('snapshots/')).filter((key) => !key.endsWith('/lock'))).toEqual([]);
  });
});

describe('a shelved instance', () => {
  it('row 52: keeps its place when the store goes away while it is shelved', async () => {
    await using guest = await defineTinyGuest();
    await using data = await keepData(guest);
    const before = await recordGuest(guest);
    site.gateway.limit(SLOW);
    const shelving = darkroom.start(['instance', 'shelve', guest.name, '--json'], { env: SOON });
    await waitForStep(shelving, 'upload');
    await site.gateway.stop();
    expect((await shelving.ended).exitCode).toBe(6);
    await assertClean(before, darkroom);
    await data.expectDisks();
    await site.gateway.start();
    await darkroom.json(['instance', 'list']);
    await expectNoTrace();
  });

  it.each([
    { call: 'draft.publish', nth: 1, when: 'after' as const },
    { call: 'shelf.write', nth: 2, when: 'before' as const },
    { call: 'shelf.write', nth: 2, when: 'after' as const },
  ])(
    'row 52: keeps its place when the store goes away $when $call $nth; what is there of it goes when it is back',
    async (at) => {
      await using guest = await defineTinyGuest();
      await using data = await keepData(guest);
      const before = await recordGuest(guest);
      const request = {
        kind: 'instance.shelve',
        instance: guest.name,
        isOffloaded: null,
        shutdownTimeoutMs: 1000,
        keepsMemory: false,
      } as const;
      const held = holdRequest(darkroom, guest.uri, { request, at, env: { ...site.env, ...SOON } });
      await held.held();
      await site.gateway.stop();
      held.release();
      await held.process.ended;
      await assertClean(before, darkroom);
      await data.expectDisks();
      await site.gateway.start();
      await darkroom.json(['instance', 'list']);
      expect(await darkroom.json(['instance', 'show', guest.name])).toMatchObject({ state: 'stopped' });
      await expectNoTrace();
    },
  );

  it('row 47: comes back at the second try when the store went away in the first', async () => {
    await using guest = await defineTinyGuest();
    await using data = await keepData(guest);
    await shelve(darkroom, guest.name);
    await emptyCache();
    site.gateway.limit(SLOW);
    const returning = darkroom.start(['instance', 'unshelve', guest.name, '--json'], { env: SOON });
    await waitForStep(returning, 'fetch');
    await site.gateway.stop();
    expect((await returning.ended).exitCode).not.toBe(0);
    expect(await domainExists(guest)).toBe(false);
    await site.gateway.start();
    await unshelve(darkroom, guest.name);
    await data.expectDisks();
    await expectNoTrace();
  });
});

describe('an agent that is killed', () => {
  it.each([
    { call: 'draft.seal', nth: 1, when: 'during' as const, afterMs: 300 },
    { call: 'draft.seal', nth: 2, when: 'after' as const },
    { call: 'draft.publish', nth: 1, when: 'before' as const },
  ])('row 55: $when $call $nth leaves nothing that looks like an image, and the next command clears up', async (at) => {
    const guest = runningGuest();
    const before = await recordGuest(guest);
    site.gateway.limit(SLOW);
    await requestAndDie(darkroom, guest.uri, {
      request: {
        kind: 'image.create',
        instance: guest.name,
        name: uniqueName(),
        description: null,
        consistency: 'auto',
        properties: {},
        isGeneralized: false,
        isEncrypted: false,
      },
      at,
      env: { ...site.env, DARKROOM_S3_PART_SIZE: '5MiB' },
    });
    expect((await site.keys('images/')).filter((key) => key.endsWith('/manifest.json'))).toEqual([]);
    expect(await listImages(darkroom)).toEqual([]);
    await assertClean(before, darkroom);
    await expectNoTrace();
  });
});

it('goes on where it was: a copy that was killed in its upload does not begin anew', async () => {
  await using folder = await createTestFolder();
  const disk = path.join(folder.path, 'disk.raw');
  await runCommand('dd', ['if=/dev/urandom', `of=${disk}`, 'bs=1M', `count=${COPIED_MIB}`, 'status=none']);
  const stores = { away: { url: site.store } };
  await using host = await createDarkroomHost({ stores, env: { ...site.env, DARKROOM_S3_PART_SIZE: '5MiB' } });
  const image = parseImage(await host.json(['image', 'import', disk, '--name', uniqueName(), '--format', 'raw']));
  site.gateway.limit(SLOW);
  const copy = host.start(['image', 'copy', image.id, '--to', 'away', '--json']);
  const before = site.gateway.sentBytes;
  const isHalf = async (): Promise<boolean> => site.gateway.sentBytes - before > (COPIED_MIB / 2) * 1024 ** 2;
  await waitUntil('half of it is sent', isHalf, { timeoutMs: 60_000, intervalMs: 20 });
  copy.kill('SIGKILL');
  await copy.ended;
  expect((await site.keys('images/')).filter((key) => key.endsWith('/manifest.json'))).toEqual([]);

  site.gateway.limit(null);
  const halfway = site.gateway.sentBytes;
  expect(parseImage(await host.json(['image', 'copy', image.id, '--to', 'away']))).toMatchObject({ id: image.id });
  expect(site.gateway.sentBytes - halfway).toBeLessThan(0.75 * COPIED_MIB * 1024 ** 2);
  await using other = await createDarkroomHost({ store: site.store, env: site.env });
  await other.json(['image', 'verify', image.id]);
  await other.json(['image', 'delete', image.id]);
  await expectNoTrace();
});

it('is not taken for another: an object that was changed under way is refused when it is read', async () => {
  const guest = runningGuest();
  const image = await capture(darkroom, guest, ['--name', uniqueName()]);
  await emptyCache();
  await site.damage(`images/${image.id}/disk-vda.qcow2`);
  const { exitCode, stderr } = await darkroom.run(['image', 'verify', image.id]);
  expect([exitCode, stderr]).toEqual([6, expect.stringMatching(/checksum|part/i)]);
  await darkroom.json(['image', 'delete', image.id]);
});

/** The capture succeeds, has frozen its guest for a moment only and leaves it as it was. */
async function expectBriefFreeze(create: RunningCommand, before: GuestRecord): Promise<void> {
  const { exitCode, stdout, stderr } = await create.ended;
  expect(exitCode, stderr).toBe(0);
  const image = z.object({ id: z.string(), consistency: z.object({ freezeMs: z.number() }) }).parse(JSON.parse(stdout));
  // a window that waits for the store is closed after 8 s
  expect(image.consistency.freezeMs).toBeLessThan(5000);
  await darkroom.json(['image', 'delete', image.id]);
  await assertClean(before, darkroom);
}

/** Copies alone are there: they are fetched again. */
async function emptyCache(): Promise<void> {
  await rm(path.join(darkroom.folder, 'cache'), { recursive: true, force: true });
}

/** Of an operation that tells its progress as JSON lines. */
async function waitForStep(command: ReturnType<DarkroomHost['start']>, step: string): Promise<void> {
  const isThere = async (): Promise<boolean> => command.output.stderr.includes(`"step":"${step}"`);
  const ended = command.ended.then(({ stderr }) => Promise.reject(new Error(`it ended before ${step}: ${stderr}`)));
  await Promise.race([waitUntil(`it comes to ${step}`, isThere, { timeoutMs: 60_000, intervalMs: 10 }), ended]);
  ended.catch(() => undefined);
}

async function expectNoTrace(): Promise<void> {
  expect(await site.keys('images/')).toEqual([]);
  expect(await site.uploads(), 'unfinished uploads').toEqual([]);
}
