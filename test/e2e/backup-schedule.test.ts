import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Image } from '../../src/model/image.ts';
import { listImages } from './support/captures.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { startAgent } from './support/running-agent.ts';
import { bootTinyGuest, defineBootsectorGuest } from './support/tiny-guest.ts';
import { type WaitOptions, waitUntil } from './support/wait-until.ts';

const SOON = { timeoutMs: 120_000, intervalMs: 250 };
/** Each look is a process, and all but the last come too early. */
const IN_A_MINUTE = { timeoutMs: 180_000, intervalMs: 1500 };
const TIMEOUT_MS = 400_000;
const runs = z.array(z.object({ status: z.string(), imageId: z.string().nullable(), reason: z.unknown() }));
const schedule = z.object({ id: z.string() });

async function makeHost(env: Readonly<Record<string, string>> = {}): Promise<DarkroomHost> {
  return await createDarkroomHost({ env: { DARKROOM_HOUSEKEEPING_INTERVAL: '1', ...env } });
}

async function createSchedule(darkroom: DarkroomHost, args: readonly string[]): Promise<string> {
  return schedule.parse(await darkroom.json(['backup', 'schedule', 'create', ...args])).id;
}

/** Within a minute and a half, and then not for an hour: every minute would be too soon for a backup that takes longer. */
function soonOnce(): string {
  return `${new Date(Date.now() + 75_000).getMinutes()} * * * *`;
}

async function runsOf(darkroom: DarkroomHost, id: string): Promise<z.infer<typeof runs>> {
  return z.object({ runs }).parse(await darkroom.json(['backup', 'schedule', 'show', id])).runs;
}

async function untilEnded(
  darkroom: DarkroomHost,
  { id, count, wait }: { readonly id: string; readonly count: number; readonly wait: WaitOptions },
): Promise<z.infer<typeof runs>> {
  let seen: z.infer<typeof runs> = [];
  await waitUntil(
    `${count} runs have ended`,
    async () => {
      seen = await runsOf(darkroom, id);
      return seen.filter(({ status }) => !['waiting', 'running', 'verifying'].includes(status)).length >= count;
    },
    wait,
  );
  return seen;
}

/** Two of them wait a minute by the clock, which they can do beside each other. */
describe.concurrent('an agent with a schedule', { timeout: TIMEOUT_MS }, () => {
  it('makes backups by the clock, boots each, lets the old ones go, and shows it all', async () => {
    await using guest = await bootTinyGuest();
    await using darkroom = await makeHost();
    await using _agent = await startAgent(darkroom);
    const id = await createSchedule(darkroom, [
      ...[guest.name, '--cron', soonOnce(), '--type', 'minutely', '--rotation', '1', '--verify', 'boot'],
      ...['--require', 'quiesced', '--max-age', '1h'],
    ]);
    const [byTheClock] = await untilEnded(darkroom, { id, count: 1, wait: IN_A_MINUTE });
    expect(byTheClock).toMatchObject({ status: 'succeeded', reason: null });
    const first = await onlyBackup(darkroom);
    expect(first).toMatchObject({ id: byTheClock?.imageId, consistency: { achieved: 'quiesced' } });
    expect(first.bootProof).toMatchObject({ hasBooted: true });

    await darkroom.json(['backup', 'schedule', 'pause', id]);
    await darkroom.json(['backup', 'schedule', 'run', id]);
    await untilEnded(darkroom, { id, count: 2, wait: SOON });
    expect((await onlyBackup(darkroom)).id).not.toBe(first.id);

    const [status] = z
      .array(z.looseObject({ instanceId: z.string() }))
      .parse(await darkroom.json(['backup', 'status', guest.name]));
    expect(status).toMatchObject({
      instanceId: guest.uuid,
      lastBackup: { backupType: 'minutely', consistency: 'quiesced' },
      lastBoot: { hasBooted: true },
      failures: 0,
      alerts: [],
    });
    const picture = await darkroom.run(['backup', 'status']);
    expect([picture.exitCode, picture.stdout]).toEqual([0, expect.stringContaining(guest.name)]);
  });

  it('goes on with what an agent that died had begun', async () => {
    await using guest = await bootTinyGuest();
    await using darkroom = await makeHost({ DARKROOM_COPY_BANDWIDTH: '4MiB' });
    await guest.run('dd if=/dev/urandom of=/root/bulk bs=1M count=24 2>/dev/null; sync');
    const id = await createSchedule(darkroom, [
      guest.name,
      '--cron',
      '0 0 1 1 *',
      '--type',
      'yearly',
      '--rotation',
      '3',
    ]);
    const first = await startAgent(darkroom);
    await darkroom.json(['backup', 'schedule', 'run', id]);
    await waitUntil('it runs', async () => (await runsOf(darkroom, id))[0]?.status === 'running', SOON);
    first.command.kill('SIGKILL');
    await first.command.ended;
    await using _second = await startAgent(darkroom);
    const [run] = await untilEnded(darkroom, { id, count: 1, wait: IN_A_MINUTE });
    expect(run).toMatchObject({ status: 'succeeded' });
    expect((await onlyBackup(darkroom)).id).toBe(run?.imageId);
  });

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
      await using darkroom = await makeHost({ DARKROOM_NOTIFY_WEBHOOK_URL: `http://127.0.0.1:${port}/hook` });
      await using guest = await defineBootsectorGuest();
      await using _agent = await startAgent(darkroom);
      // nothing in this guest could tell that it came up
      const every = ['--cron', '0 0 1 1 *', '--type', 'yearly', '--rotation', '9', '--verify', 'boot:2'];
      const id = await createSchedule(darkroom, [guest.name, ...every]);
      const runOnce = async (count: number) => {
        await darkroom.json(['backup', 'schedule', 'run', id]);
        return (await untilEnded(darkroom, { id, count, wait: SOON }))[0];
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

async function onlyBackup(darkroom: DarkroomHost): Promise<Image> {
  const images = (await listImages(darkroom)).filter(({ properties }) => properties['image_type'] === 'backup');
  expect(images).toHaveLength(1);
  const [image] = images;
  if (image === undefined) throw new Error('no backup');
  return image;
}
