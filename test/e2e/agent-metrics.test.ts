import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parsePrometheusText, sampleValue } from '../support/prometheus-text.ts';
import { capture } from './support/captures.ts';
import { imageFilePath, parseImage } from './support/images.ts';
import { createMount } from './support/loop-mount.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { type RunningAgent, startAgent } from './support/running-agent.ts';
import { defineBootsectorGuest } from './support/tiny-guest.ts';
import { startDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

async function read(agent: RunningAgent, name: string, labels: Readonly<Record<string, string>> = {}) {
  return sampleValue(parsePrometheusText((await agent.get('/metrics')).body), name, labels);
}

it('the metrics of an agent tell of a capture that another process made', async () => {
  await using darkroom = await createDarkroomHost();
  await using guest = await defineBootsectorGuest();
  await startDomain(guest);
  await using agent = await startAgent(darkroom);

  await capture(darkroom, guest, ['--name', 'paused', '--consistency', 'paused']);
  const ofCaptures = { kind: 'image.create' };
  expect(await read(agent, 'darkroom_operations_total', { ...ofCaptures, status: 'succeeded' })).toBe(1);
  expect(await read(agent, 'darkroom_operation_duration_seconds_count', ofCaptures)).toBe(1);
  expect(await read(agent, 'darkroom_pause_seconds_count')).toBe(1);
  expect(await read(agent, 'darkroom_pause_seconds_sum')).toBeGreaterThan(0);
  expect(await read(agent, 'darkroom_overlay_peak_bytes_count')).toBe(1);
  expect(await read(agent, 'darkroom_overlay_bytes')).toBeUndefined();

  const refused = await darkroom.run(['image', 'create', guest.name, '--name', 'no', '--consistency', 'quiesced']);
  expect(refused.exitCode).not.toBe(0);
  expect(await read(agent, 'darkroom_operations_total', { ...ofCaptures, status: 'failed' })).toBe(1);
  expect(await read(agent, 'darkroom_capture_failures_total', { code: 'QUIESCE_UNAVAILABLE' })).toBe(1);

  const isShown = async (): Promise<boolean> =>
    (await read(agent, 'darkroom_images', { status: 'active', type: 'snapshot' })) === 1;
  await waitUntil('the image is counted', isShown, { timeoutMs: 60_000 });
});

it('an agent fills in the checksum of an image whose blocks were shared', async () => {
  await using mount = await createMount('xfs', 320);
  const store = path.join(mount.path, 'store');
  await using darkroom = await createDarkroomHost({ store, env: { DARKROOM_HOUSEKEEPING_INTERVAL: '1' } });
  const source = path.join(mount.path, 'disk.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', source, '1G']);
  const image = parseImage(await darkroom.json(['image', 'import', source, '--name', 'cloned']));
  expect(image.checksum.value).toBeNull();

  await using _agent = await startAgent(darkroom);
  const show = async () => parseImage(await darkroom.json(['image', 'show', image.id]));
  await waitUntil('it has a checksum', async () => (await show()).checksum.value !== null, { timeoutMs: 60_000 });
  const file = await readFile(imageFilePath(store, image, 'vda'));
  expect((await show()).checksum.value).toBe(createHash('sha256').update(file).digest('hex'));
});
