import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Image } from '../../src/model/image.ts';
import { listImages } from './support/captures.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { startAgent } from './support/running-agent.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { defineBootsectorGuest } from './support/tiny-guest.ts';
import { waitUntil } from './support/wait-until.ts';

const SOON = { timeoutMs: 120_000, intervalMs: 250 };
const runs = z.array(z.object({ status: z.string(), imageId: z.string().nullable(), reason: z.unknown() }));
const schedule = z.object({ id: z.string() });

let darkroom: DarkroomHost;

async function makeHost(env: Readonly<Record<string, string>> = {}): Promise<void> {
  darkroom = await createDarkroomHost({ env: { DARKROOM_HOUSEKEEPING_INTERVAL: '1', ...env } });
}

afterEach(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

async function createSchedule(args: readonly string[]): Promise<string> {
  return schedule.parse(await darkroom.json(['backup', 'schedule', 'create', ...args])).id;
}

async function runsOf(id: string): Promise<z.infer<typeof runs>> {
  return z.object({ runs }).parse(await darkroom.json(['backup', 'schedule', 'show', id])).runs;
}

async function untilEnded(id: string, count: number): Promise<z.infer<typeof runs>> {
  let seen: z.infer<typeof runs> = [];
  await waitUntil(
    `${count} runs have ended`,
    async () => {
      seen = await runsOf(id);
      return seen.filter(({ status }) => !['waiting', 'running', 'verifying'].includes(status)).length >= count;
    },
    SOON,
  );
  return seen;
}

describe('an agent with a schedule', () => {
  const guest = useSharedGuest();

  it('makes backups by the clock, boots each, lets the old ones go, and shows it all', async () => {
    await makeHost();
    await using _agent = await startAgent(darkroom);
    const id = await createSchedule([
      ...[guest().name, '--cron', '* * * * *', '--type', 'minutely', '--rotation', '1', '--verify', 'boot'],
      ...['--require', 'quiesced', '--max-age', '1h'],
    ]);
    const [byTheClock] = await untilEnded(id, 1);
    expect(byTheClock).toMatchObject({ status: 'succeeded', reason: null });
    const first = await onlyBackup();
    expect(first).toMatchObject({ id: byTheClock?.imageId, consistency: { achieved: 'quiesced' } });
    expect(first.bootProof).toMatchObject({ hasBooted: true });

    await darkroom.json(['backup', 'schedule', 'pause', id]);
    await darkroom.json(['backup', 'schedule', 'run', id]);
    await untilEnded(id, 2);
    expect((await onlyBackup()).id).not.toBe(first.id);

    const [status] = z
      .array(z.looseObject({ instanceId: z.string() }))
      .parse(await darkroom.json(['backup', 'status', guest().name]));
    expect(status).toMatchObject({
      instanceId: guest().uuid,
      lastBackup: { backupType: 'minutely', consistency: 'quiesced' },
      lastBoot: { hasBooted: true },
      failures: 0,
      alerts: [],
    });
    const picture = await darkroom.run(['backup', 'status']);
    expect([picture.exitCode, picture.stdout]).toEqual([0, expect.stringContaining(guest().name)]);
  });

  it('goes on with what an agent that died had begun', async () => {
    await makeHost({ DARKROOM_COPY_BANDWIDTH: '8MiB' });
    await guest().run('dd if=/dev/urandom of=/root/bulk bs=1M count=24 2>/dev/null; sync');
    const id = await createSchedule([guest().name, '--cron', '0 0 1 1 *', '--type', 'yearly', '--rotation', '3']);
    const first = await startAgent(darkroom);
    await darkroom.json(['backup', 'schedule', 'run', id]);
    await waitUntil('it runs', async () => (await runsOf(id))[0]?.status === 'running', SOON);
    first.command.kill('SIGKILL');
    await first.command.ended;
    await using _second = await startAgent(darkroom);
    const [run] = await untilEnded(id, 1);
    expect(run).toMatchObject({ status: 'succeeded' });
    expect((await onlyBackup()).id).toBe(run?.imageId);
    await guest().run('rm /root/bulk; sync');
  });
});

describe('a schedule that cannot be kept', () => {
  it('skips what is shelved, and tells a webhook of failures and of what came right', async () => {
    const told: unknown[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        told.push({ ...JSON.parse(body), signature: request.headers['x-darkroom-signature-256'] });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? (address satisfies AddressInfo).port : 0;
    try {
      await makeHost({ DARKROOM_NOTIFY_WEBHOOK_URL: `http://127.0.0.1:${port}/hook` });
      await using guest = await defineBootsectorGuest();
      await using _agent = await startAgent(darkroom);
      // nothing in this guest could tell that it came up
      const every = ['--cron', '0 0 1 1 *', '--type', 'yearly', '--rotation', '9', '--verify', 'boot:2'];
      const id = await createSchedule([guest.name, ...every]);
      const runOnce = async (count: number) => {
        await darkroom.json(['backup', 'schedule', 'run', id]);
        return (await untilEnded(id, count))[0];
      };
      await darkroom.json(['instance', 'shelve', guest.name]);
      expect(await runOnce(1)).toMatchObject({ status: 'skipped' });
      await darkroom.json(['instance', 'unshelve', guest.name]);
      expect(await runOnce(2)).toMatchObject({ status: 'succeeded' });
      expect(told).toEqual([]);
      expect(await runOnce(3)).toMatchObject({ status: 'failed' });
      await waitUntil('somebody is told', async () => told.length > 0, SOON);
      expect(told).toMatchObject([{ event: 'backup.failed', instance: { id: guest.uuid }, scheduleId: id }]);
      const backups = (await listImages(darkroom)).filter(({ properties }) => properties['image_type'] === 'backup');
      expect(backups).toHaveLength(2);
    } finally {
      server.close();
    }
  });
});

async function onlyBackup(): Promise<Image> {
  const images = (await listImages(darkroom)).filter(({ properties }) => properties['image_type'] === 'backup');
  expect(images).toHaveLength(1);
  const [image] = images;
  if (image === undefined) throw new Error('no backup');
  return image;
}
