import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parsePrometheusText, sampleValue } from '../support/prometheus-text.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { type RunningAgent, startAgent } from './support/running-agent.ts';
import { expectNotShelved, expectOffloaded, readShelfState, shelve, showInstance, unshelve } from './support/shelf.ts';
import { defineBootsectorGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, domainState, startDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const OFFLOAD_SECONDS = 8;
const SHELVE = ['--shutdown-timeout', '0'];

let darkroom: DarkroomHost;
let guest: Guest;

/** For the agent and for every other process of the host. */
async function makeHost(offloadSeconds: number): Promise<void> {
  const env = { DARKROOM_SHELVED_OFFLOAD_TIME: String(offloadSeconds), DARKROOM_HOUSEKEEPING_INTERVAL: '1' };
  darkroom = await createDarkroomHost({ env });
  guest = await defineBootsectorGuest();
}

afterEach(async () => {
  await guest?.[Symbol.asyncDispose]();
  await darkroom?.[Symbol.asyncDispose]();
});

const isOffloaded = async (): Promise<boolean> =>
  (await readShelfState(darkroom.store, guest.uuid)) === 'shelved_offloaded' && !(await domainExists(guest));

describe('row 39: an agent with a time for shelved instances', () => {
  it('offloads after that time, and not before', async () => {
    await makeHost(OFFLOAD_SECONDS);
    await using agent = await startAgent(darkroom);
    await startDomain(guest);
    await shelve(darkroom, guest.uuid, SHELVE);
    const dueMs = (await shelvedAtMs()) + OFFLOAD_SECONDS * 1000;
    expect(await domainExists(guest), 'on its host').toBe(true);
    let lastSeenMs = 0;
    let goneMs: number | null = null;
    const isGone = async (): Promise<boolean> => {
      const askedMs = Date.now();
      if (await domainExists(guest)) lastSeenMs = askedMs;
      else goneMs ??= Date.now();
      return await isOffloaded();
    };
    await waitUntil('it is offloaded', isGone, { timeoutMs: 60_000 });
    expect(goneMs, 'is due').toBeGreaterThanOrEqual(dueMs);
    expect(lastSeenMs, 'was looked at before').toBeGreaterThan(0);
    await waitUntil('nothing works on it', async () => (await showInstance(darkroom, guest.uuid)).taskState === null, {
      timeoutMs: 60_000,
    });
    await expectOffloaded(darkroom, guest);
    await expectOneOffload(agent);

    await unshelve(darkroom, guest.uuid);
    await expectNotShelved(darkroom, guest);
    expect(await domainState(guest)).toBe('running');
  });

  it('leaves one alone that somebody started all the same', async () => {
    await makeHost(OFFLOAD_SECONDS);
    await using agent = await startAgent(darkroom);
    await shelve(darkroom, guest.uuid);
    await startDomain(guest);
    const dueMs = (await shelvedAtMs()) + OFFLOAD_SECONDS * 1000;
    expect(Date.now(), 'it was started in time').toBeLessThan(dueMs);
    await sleep(dueMs + 3000 - Date.now());
    expect(await domainState(guest)).toBe('running');
    expect(await darkroom.json(['operation', 'list'])).toHaveLength(1);
    expect((await agent.get('/readyz')).status).toBe(200);
  });

  it('offloads what was shelved before it was started', async () => {
    await makeHost(1);
    await shelve(darkroom, guest.uuid);
    await using _agent = await startAgent(darkroom);
    await waitUntil('it is offloaded', isOffloaded, { timeoutMs: 60_000 });
  });

  it('never does with -1', async () => {
    await makeHost(-1);
    await using _agent = await startAgent(darkroom);
    await shelve(darkroom, guest.uuid);
    await sleep(4000);
    expect((await showInstance(darkroom, guest.uuid)).state).toBe('shelved');
    expect(await darkroom.json(['operation', 'list'])).toHaveLength(1);
  });
});

async function shelvedAtMs(): Promise<number> {
  const record: unknown = JSON.parse(
    await readFile(path.join(darkroom.store, 'instances', `${guest.uuid}.json`), 'utf8'),
  );
  return Date.parse(z.object({ shelvedAt: z.string() }).parse(record).shelvedAt);
}

async function expectOneOffload(agent: RunningAgent): Promise<void> {
  const families = parsePrometheusText((await agent.get('/metrics')).body);
  const offloads = { kind: 'instance.offload', status: 'succeeded' };
  expect(sampleValue(families, 'darkroom_operations_total', offloads)).toBe(1);
  const waits = { timeoutMs: 60_000 };
  await waitUntil(
    'the metrics show it',
    async () => {
      const seen = parsePrometheusText((await agent.get('/metrics')).body);
      return sampleValue(seen, 'darkroom_shelved_instances', { state: 'shelved_offloaded' }) === 1;
    },
    waits,
  );
}
