import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OperationRequest } from '../../src/model/requests.ts';
import { listDrafts } from './support/assert-clean.ts';
import { type CallPoint, type CaptureFact, recordRequest, recoverAndDie } from './support/kill-harness.ts';
import { createMount, type Mount } from './support/loop-mount.ts';
import { type Definition, keepData, type MachineData, readDefinition, readFirmware } from './support/machine-record.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { existing, listShelf, ownPlaces, readShelfState, shelve, unshelve } from './support/shelf.ts';
import { findCompleteCopy } from './support/store-copies.ts';
import { defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, onDomain } from './support/virsh.ts';

const MATRIX_TIMEOUT_MS = 600_000;

/** What is copied dies as what is moved does, but for the copies: of its points every third, or all with DARKROOM_TEST_WHOLE=1. */
function isTold(how: string, index: number): boolean {
  return how === 'moved' || index % 3 === 0 || process.env['DARKROOM_TEST_WHOLE'] === '1';
}

type Way = 'instance.shelve' | 'instance.offload' | 'instance.unshelve';

describe('kill -9 of what takes a machine apart or puts it together', () => {
  let mount: Mount;
  let guest: Guest;
  let data: MachineData;
  let definition: Definition;

  beforeAll(async () => {
    mount = await createMount('ext4', 512);
    guest = await defineTinyGuest({
      firmware: 'uefi',
      tpm: true,
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', sizeMiB: 8 },
      ],
    });
    // firmware variables and TPM state come to be when it starts; nothing has to boot for that
    await onDomain(guest, 'start');
    await onDomain(guest, 'destroy');
    await runCommand('qemu-io', ['-f', 'raw', '-c', 'write -q -P 7 1M 3M', guest.disks[1]?.path ?? '']);
    await onDomain(guest, 'autostart');
    data = await keepData(guest);
    definition = await readDefinition(guest);
    expect(Object.keys(data.firmware).length, 'firmware variables and TPM state').toBeGreaterThan(1);
  });
  afterAll(async () => {
    await data?.[Symbol.asyncDispose]();
    await guest?.[Symbol.asyncDispose]();
    await mount?.[Symbol.asyncDispose]();
  });

  it.each<[string, Way]>([
    ['moved', 'instance.shelve'],
    ['moved', 'instance.unshelve'],
    ['copied', 'instance.shelve'],
    ['copied', 'instance.unshelve'],
    ['moved', 'instance.offload'],
  ])(
    'row 55, row 51, row 52: whatever step it dies in, nothing is lost, and it is as before or complete: %s disks, %s',
    async (how, way) => {
      await using darkroom = await createDarkroomHost(
        how === 'copied' ? { store: path.join(mount.path, `store-${way}`) } : {},
      );
      await prepare(darkroom, way);
      const points = pointsOf(await recordRequest(darkroom, guest.uri, { request: requestOf(way) }));
      expect(points.length).toBeGreaterThan(8);
      const failures: string[] = [];
      // each process looks after what the one before left, and then dies of its own
      let last: CallPoint | null = null;
      for (const at of points.filter((_each, index) => isTold(how, index))) {
        const died: CallPoint | null = last;
        await note(failures, at, () =>
          recoverAndDie(darkroom, guest.uri, { request: requestOf(way), at }, async () => {
            if (died !== null) await note(failures, died, () => expectSettled(darkroom, way));
            await prepare(darkroom, way);
          }),
        );
        await note(failures, at, () => expectCompleteSomewhere(darkroom));
        last = at;
      }
      if (last !== null) {
        await note(failures, last, async () => {
          await darkroom.json(['instance', 'list']);
          await expectSettled(darkroom, way);
        });
      }
      expect(failures).toEqual([]);
      await prepare(darkroom, 'instance.shelve');
    },
    MATRIX_TIMEOUT_MS,
  );

  /** To where the operation starts from, whatever the last round has left. */
  async function prepare(darkroom: DarkroomHost, way: Way): Promise<void> {
    const state = await readShelfState(darkroom.store, guest.uuid);
    if (way === 'instance.unshelve') {
      if (state === null) await shelve(darkroom, guest.uuid);
      return;
    }
    if (way === 'instance.offload' && state === 'shelved') return;
    if (state !== null) await unshelve(darkroom, guest.uuid);
    if (way === 'instance.offload') await shelve(darkroom, guest.uuid, ['--no-offload']);
  }

  /** At this moment nobody works on it: every part of the machine is whole, here or in the store. */
  async function expectCompleteSomewhere({ store }: DarkroomHost): Promise<void> {
    for (const disk of guest.disks) {
      const isHere = (await data.compare(disk.target, disk).catch(() => 'gone')) === null;
      expect(isHere || (await findCompleteCopy(store, data, disk.target)), `a whole ${disk.target}`).toBe(true);
    }
    const here = await readFirmware(guest);
    const hashes = await hashStore(store);
    for (const [file, sha256] of Object.entries(data.firmware)) {
      expect(here[file] === sha256 || hashes.includes(sha256), `a whole ${file}`).toBe(true);
    }
    expect((await domainExists(guest)) || (await isDefinitionIn(store)), 'its definition').toBe(true);
  }

  async function expectSettled({ store }: DarkroomHost, way: Way): Promise<void> {
    const state = await readShelfState(store, guest.uuid);
    expect((await listShelf(store)).filter((name) => name.endsWith('.claim'))).toEqual([]);
    expect(await listDrafts(store), 'drafts').toEqual([]);
    if (state === 'shelved_offloaded') {
      expect(await domainExists(guest), 'domain').toBe(false);
      expect(await existing(ownPlaces(guest)), 'files on the host').toEqual([]);
      expect(await readdir(path.join(store, 'images')), 'images').toHaveLength(1);
      for (const { target } of guest.disks) expect(await findCompleteCopy(store, data, target), target).toBe(true);
      return;
    }
    await data.expectDisks();
    expect(await readFirmware(guest)).toEqual(data.firmware);
    const names = await readdir(guest.folder);
    expect(names.sort(), 'files beside the disks').toEqual(['serial.log', 'vda.qcow2', 'vdb.raw']);
    expect(state).toBe(way === 'instance.offload' ? 'shelved' : null);
    if (state === 'shelved') return;
    expect(await readdir(path.join(store, 'images')).catch(() => []), 'images').toEqual([]);
    expect(await readDefinition(guest)).toEqual(definition);
  }

  function requestOf(way: Way): OperationRequest {
    const instance = guest.uuid;
    if (way === 'instance.offload') return { kind: way, instance };
    if (way === 'instance.shelve') {
      return { kind: way, instance, isOffloaded: true, shutdownTimeoutMs: 0, keepsMemory: false };
    }
    const plain = { isStarted: true, networks: {}, diskDir: null, isCold: false, isStealing: false };
    return { kind: way, instance, ...plain };
  }

  async function isDefinitionIn(store: string): Promise<boolean> {
    const found = await runCommand('find', [path.join(store, 'images'), '-name', '*domain.xml*']);
    for (const file of found.split('\n').filter(Boolean)) {
      if ((await readFile(file, 'utf8')).includes(guest.uuid)) return true;
    }
    return false;
  }
});

async function hashStore(store: string): Promise<readonly string[]> {
  const files = ['-type', 'f', '-size', '-2M', '-exec', 'sha256sum', '{}', '+'];
  const found = await runCommand('find', [store, ...files]).catch(() => '');
  return found.split('\n').map((line) => line.split(' ')[0] ?? '');
}

async function note(failures: string[], { when, call, nth }: CallPoint, work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    failures.push(`killed ${when} ${call} ${nth}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** After each journal entry, and around each call after which something is gone, or there for all to see. */
function pointsOf(facts: readonly CaptureFact[]): readonly CallPoint[] {
  const isTurn = (call: string): boolean =>
    /undefine|defineDomain|tryLink|makeDirectory|remove|draft\.publish|deleteImage|shelf\.|enterStep|finish/.test(call);
  return facts.flatMap(({ call, nth = 1 }) => {
    if (call === undefined || !isTurn(call)) return [];
    const after = { call, nth, when: 'after' } as const;
    return /undefineDomain|deleteImage|shelf\.(write|remove)/.test(call)
      ? [{ ...after, when: 'before' as const }, after]
      : [after];
  });
}
