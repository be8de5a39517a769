import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectorySnapshots } from '../../src/drivers/stores/directory/directory-snapshots.ts';
import type { SnapshotStore } from '../../src/model/ports/snapshot-store.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot, makeVolumeClaim } from '../support/snapshot-files.ts';

const SCRIPT = fileURLToPath(new URL('../support/killed-store.mjs', import.meta.url));
const DRIVER = fileURLToPath(new URL('../../dist/drivers/stores/directory/directory-snapshots.js', import.meta.url));
const MAX_CHANGES = 40;
const PART_OF_A_DOCUMENT = /^\.(lock|[0-9a-f-]{36}\.(json|xml))\.[0-9a-f]{12}\.partial$/;

const snapshot = sampleSnapshot('a');
const sibling = sampleSnapshot('b', { parent: snapshot.id });
const XML = '<domain/>';

let root: string;
let store: SnapshotStore;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-st-snapshots-killed-'));
  store = createDirectorySnapshots({ location: root, imageGroup: 'kvm' });
  await keepSnapshot(store, sibling);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Calls a method in a process that dies before its nth change. False when it came to its end. */
function killAt(count: number, method: string, args: readonly unknown[]): boolean {
  const child = spawnSync(process.execPath, [SCRIPT, DRIVER, root, String(count), method, JSON.stringify(args)], {
    encoding: 'utf8',
  });
  if (child.signal === 'SIGKILL') return true;
  if (child.status !== 0) throw new Error(child.stderr);
  return false;
}

/** Kills before every change there is, and gives what was found each time; `after` brings all back to where it began. */
async function killEverywhere(
  call: () => readonly [method: string, args: readonly unknown[]],
  turn: { readonly find: () => Promise<string>; readonly after: (found: string) => Promise<void> },
): Promise<string> {
  const found: string[] = [];
  for (let count = 1; count < MAX_CHANGES; count += 1) {
    const isKilled = killAt(count, ...call());
    found.push(await turn.find());
    await turn.after(found.at(-1) ?? '');
    if (!isKilled) return found.join(' ');
  }
  throw new Error('it never came to its end');
}

/** Without what a killed writer of a document leaves: the next to clean up does so once it is old. */
function names(): readonly string[] {
  const all = readdirSync(path.join(root, 'snapshots', SAMPLE_VOLUME)).sort();
  return all.filter((name) => !PART_OF_A_DOCUMENT.test(name) && !name.startsWith(sibling.id));
}

async function findRecord(): Promise<string> {
  const { snapshots, broken } = await store.list();
  expect(broken).toEqual([]);
  expect(snapshots).toContainEqual(sibling);
  const record = snapshots.find(({ id }) => id === snapshot.id);
  if (record === undefined) return 'none';
  await store.resolveFile(record);
  return record.description ?? 'whole';
}

describe('a process that is killed between any two steps', () => {
  it('publishes a snapshot whole or not, and the next try does', async () => {
    const prepare = async () => await (await fillDraft(store, snapshot, 'content')).moveIn();
    await prepare();
    const found = await killEverywhere(() => ['publish', [snapshot, XML]], {
      find: async () => {
        const state = await findRecord();
        if (state === 'whole') expect(await store.readDomainXml(snapshot)).toBe(XML);
        return state;
      },
      after: async (state) => {
        if (state === 'none') await store.publish(snapshot, XML);
        expect(await findRecord()).toBe('whole');
        expect(names()).toEqual([`${snapshot.id}.json`, `${snapshot.id}.qcow2`, `${snapshot.id}.xml`]);
        await store.remove(snapshot);
        await prepare();
      },
    });
    expect(found).toMatch(/^(none )+(whole ?)+$/);
  });

  it('leaves the old record or the new', async () => {
    const old = { ...snapshot, description: 'old' };
    await keepSnapshot(store, old);
    const found = await killEverywhere(() => ['update', [{ ...snapshot, description: 'new' }]], {
      find: findRecord,
      after: async () => await store.update(old),
    });
    expect(found).toMatch(/^(old )+(new ?)+$/);
  });

  it('leaves the old file or the new under the snapshot`s name, at every instant', async () => {
    await keepSnapshot(store, snapshot, { content: 'old' });
    const tag = randomUUID();
    const readContent = () => readFileSync(store.filePath(snapshot), 'utf8');
    const refill = async (): Promise<void> => {
      await (await fillDraft(store, snapshot, 'old')).moveIn();
      renameSync((await fillDraft(store, snapshot, 'new')).path, store.draft(snapshot, tag).path);
    };
    await refill();
    const found = await killEverywhere(() => ['draft.moveIn', [snapshot, tag]], {
      find: async () => readContent(),
      after: async () => {
        await store.draft(snapshot, tag).moveIn();
        expect(readContent()).toBe('new');
        expect(names()).toEqual([`${snapshot.id}.json`, `${snapshot.id}.qcow2`]);
        await refill();
      },
    });
    expect(found).toMatch(/^(old )+(new ?)+$/);
  });

  it('removes a snapshot or leaves it whole, and the next try takes away what is left', async () => {
    await keepSnapshot(store, snapshot, { domainXml: XML });
    const found = await killEverywhere(() => ['remove', [snapshot]], {
      find: findRecord,
      after: async () => {
        await store.remove(snapshot);
        expect(names()).toEqual([]);
        await keepSnapshot(store, snapshot, { domainXml: XML });
      },
    });
    expect(found).toMatch(/^(whole )+(none ?)+$/);
  });

  it('holds a claim or not, and one that it holds can be taken over', async () => {
    const claim = makeVolumeClaim(SAMPLE_VOLUME);
    const found = await killEverywhere(() => ['claim', [claim]], {
      find: async () => (await store.readClaim(SAMPLE_VOLUME))?.host ?? 'free',
      after: async (holder) => {
        const next = makeVolumeClaim(SAMPLE_VOLUME, 'host-2');
        expect(await store.claim(next)).toEqual(holder === 'free' ? null : claim);
        if (holder !== 'free') expect(await store.stealClaim(next, claim)).toBe(true);
        await store.releaseClaim(SAMPLE_VOLUME, next.operationId);
        expect(names()).toEqual([]);
      },
    });
    expect(found).toMatch(/^(free )+(host-1 ?)+$/);
  });

  it('gives a claim up or still has it, and then it can be given up or taken over', async () => {
    const claim = makeVolumeClaim(SAMPLE_VOLUME);
    await store.claim(claim);
    const found = await killEverywhere(() => ['releaseClaim', [SAMPLE_VOLUME, claim.operationId]], {
      find: async () => (await store.readClaim(SAMPLE_VOLUME))?.host ?? 'free',
      after: async () => {
        await store.releaseClaim(SAMPLE_VOLUME, claim.operationId);
        expect(await store.readClaim(SAMPLE_VOLUME)).toBeNull();
        expect(names().filter((name) => !name.endsWith('.end'))).toEqual([]);
        await store.claim(claim);
      },
    });
    expect(found).toMatch(/^(host-1 )+(free ?)+$/);
  });

  it('takes a claim over or leaves it to whom it was taken from', async () => {
    const [dead, thief] = [makeVolumeClaim(SAMPLE_VOLUME, 'dead'), makeVolumeClaim(SAMPLE_VOLUME, 'thief')];
    await store.claim(dead);
    const found = await killEverywhere(() => ['stealClaim', [thief, dead]], {
      find: async () => (await store.readClaim(SAMPLE_VOLUME))?.host ?? 'free',
      after: async () => {
        expect(await store.stealClaim(thief, dead)).toBe(true);
        await store.releaseClaim(SAMPLE_VOLUME, thief.operationId);
        expect(await store.readClaim(SAMPLE_VOLUME)).toBeNull();
        await store.claim(dead);
      },
    });
    expect(found).toMatch(/^(dead )+(thief ?)+$/);
  });
});
