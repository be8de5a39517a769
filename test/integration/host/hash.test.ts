import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { failureOf, MIB, useFolder } from './file-systems.ts';

const folder = useFolder();
const files = createHostFiles();

describe('hash', () => {
  it('gives the SHA-256 of the content, also of none', async () => {
    const content = Buffer.alloc(3 * MIB + 17, 'darkroom');
    writeFileSync(folder.path('file'), content);
    writeFileSync(folder.path('empty'), '');
    expect(await files.hash(folder.path('file'))).toBe(createHash('sha256').update(content).digest('hex'));
    expect(await files.hash(folder.path('empty'))).toBe(createHash('sha256').digest('hex'));
  });

  it('says how far it is and does not hold up the event loop', async () => {
    writeFileSync(folder.path('large'), '');
    truncateSync(folder.path('large'), 200 * MIB);
    const totals: number[] = [];
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 5);
    await files.hash(folder.path('large'), { onBytes: (total) => totals.push(total / MIB) });
    clearInterval(timer);
    expect(totals).toEqual([64, 128, 192, 200]);
    expect(ticks).toBeGreaterThan(5);
  });

  it('stops at once when it is cancelled', async () => {
    writeFileSync(folder.path('huge'), '');
    truncateSync(folder.path('huge'), 1024 * 1024 * MIB);
    const controller = new AbortController();
    const hashing = failureOf(files.hash(folder.path('huge'), { signal: controller.signal }));
    await sleep(100);
    const start = performance.now();
    controller.abort();
    expect(await hashing).toMatchObject({ code: 'CANCELLED' });
    // all of it would take many minutes
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(await failureOf(files.hash(folder.path('huge'), { signal: controller.signal }))).toMatchObject({
      code: 'CANCELLED',
    });
  });

  it('reads a file that is being written as far as it is told, and ends with what is there then', async () => {
    const content = Buffer.alloc(3 * MIB + 17, 'darkroom');
    writeFileSync(folder.path('growing'), Buffer.alloc(content.length));
    const heard: number[] = [];
    await using hash = files.hashGrowing(folder.path('growing'), { onBytes: (total) => heard.push(total) });
    const file = await open(folder.path('growing'), 'r+');
    await file.write(content, 0, 2 * MIB, 0);
    hash.reach(2 * MIB);
    await sleep(200);
    // had it gone on by itself, it would have read zeros
    await file.write(content, 2 * MIB, content.length - 2 * MIB, 2 * MIB);
    await file.close();
    expect(await hash.end()).toBe(createHash('sha256').update(content).digest('hex'));
    expect(heard).toEqual([content.length]);
  });

  it('leaves no thread behind where a file that grows is given up', async () => {
    const hash = files.hashGrowing(folder.path('never-made'));
    await hash[Symbol.asyncDispose]();
    await using missing = files.hashGrowing(folder.path('missing'));
    missing.reach(1);
    await sleep(100);
    expect(await failureOf(missing.end())).toMatchObject({ code: 'ENOENT' });
  });

  it('lets the errors of the file through', async () => {
    expect(await failureOf(files.hash(folder.path('missing')))).toMatchObject({ code: 'ENOENT' });
  });
});
