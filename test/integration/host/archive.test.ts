import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArchives } from '../../../src/drivers/host/archive.ts';
import { expectFailure } from '../../support/expect-failure.ts';

const archives = createArchives();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync('/var/tmp/dr-ar-');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

/** Half of it zeroes. */
function writeSource(name: string, sizeBytes: number) {
  const content = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset < sizeBytes / 2; offset += 32) {
    createHash('sha256').update(`${name}${offset}`).digest().copy(content, offset);
  }
  writeFileSync(at(name), content);
  return { name, path: at(name), sizeBytes };
}

const sumOf = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

describe('an archive', () => {
  it('gives back what was put in, and says what that was', async () => {
    const big = writeSource('big', 5 * 1024 ** 2 + 17);
    const small = { name: 'note.json', content: Buffer.from('{}') };
    const empty = writeSource('empty', 0);
    const seen: number[] = [];
    const written = await archives.write(at('a.tar'), [small, big, empty], { onBytes: (bytes) => seen.push(bytes) });
    expect(written.sizeBytes).toBe(statSync(at('a.tar')).size);
    expect(seen.at(-1)).toBe(written.sizeBytes);
    expect(written.sha256).toBe(sumOf(readFileSync(at('a.tar'))));
    expect(written.files.map(({ sha256 }) => sha256)).toEqual(
      [Buffer.from('{}'), readFileSync(big.path), Buffer.alloc(0)].map(sumOf),
    );
    expect(statSync(at('a.tar')).mode & 0o777).toBe(0o600);
    expect(execFileSync('tar', ['-tf', at('a.tar')], { encoding: 'utf8' })).toBe('note.json\nbig\nempty\n');

    await using reader = archives.open(at('a.tar'));
    const note = await reader.next();
    expect(Buffer.from((await note?.readBytes({ maxBytes: 2 })) ?? []).toString()).toBe('{}');
    const file = await reader.next();
    expect(file).toMatchObject({ name: 'big', kind: 'file', sizeBytes: big.sizeBytes });
    expect(await file?.writeTo(at('big.out'))).toBe(sumOf(readFileSync(big.path)));
    expect(readFileSync(at('big.out')).equals(readFileSync(big.path))).toBe(true);
    expect(statSync(at('big.out')).blocks * 512).toBeLessThan(4 * 1024 ** 2);
    expect((await reader.next())?.sizeBytes).toBe(0);
    expect(await reader.next()).toBeNull();
  });

  it('passes over what is not read', async () => {
    await archives.write(at('a.tar'), [writeSource('one', 3 * 1024 ** 2), writeSource('two', 100)]);
    await using reader = archives.open(at('a.tar'));
    await reader.next();
    expect((await reader.next())?.name).toBe('two');
  });

  it('says of links and folders that they are no files', async () => {
    execFileSync('sh', ['-c', `cd ${folder} && mkdir d && ln -s /etc/passwd l && tar -cf a.tar d l`]);
    await using reader = archives.open(at('a.tar'));
    expect((await reader.next())?.kind).toBe('other');
    expect((await reader.next())?.kind).toBe('other');
  });

  it('is refused where it is cut off, and what was written of it goes', async () => {
    await archives.write(at('a.tar'), [writeSource('one', 3 * 1024 ** 2)]);
    truncateSync(at('a.tar'), 2 * 1024 ** 2);
    await using reader = archives.open(at('a.tar'));
    const file = await reader.next();
    await expectFailure(file?.writeTo(at('out')) ?? Promise.resolve(), 'SNAPSHOT_REJECTED');
    expect(existsSync(at('out'))).toBe(false);
  });

  it('overwrites nothing', async () => {
    writeFileSync(at('taken'), 'precious');
    await expect(archives.write(at('taken'), [])).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(at('taken'), 'utf8')).toBe('precious');
  });

  it.each([-1, 1])('is not made of a file that is %i byte off', async (more) => {
    const source = writeSource('one', 3 * 1024 ** 2);
    const said = { ...source, sizeBytes: 3 * 1024 ** 2 + more };
    await expectFailure(archives.write(at('a.tar'), [said, writeSource('two', 10)]), 'COPY_FAILED');
    expect(existsSync(at('a.tar'))).toBe(false);
  });

  it('ends when that is asked for, and leaves nothing', async () => {
    const controller = new AbortController();
    const source = writeSource('one', 4 * 1024 ** 2);
    const onBytes = (): void => controller.abort();
    await expectFailure(archives.write(at('a.tar'), [source], { signal: controller.signal, onBytes }), 'CANCELLED');
    expect(existsSync(at('a.tar'))).toBe(false);
    await archives.write(at('b.tar'), [source]);
    await using reader = archives.open(at('b.tar'));
    const file = await reader.next();
    const reading = file?.writeTo(at('out'), { signal: controller.signal }) ?? Promise.resolve();
    await expectFailure(reading, 'CANCELLED');
    expect(existsSync(at('out'))).toBe(false);
  });

  it('says that there is no space left, and leaves nothing', async () => {
    const small = at('small');
    execFileSync('mkdir', [small]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1M', 'dr-h7-small', small]);
    try {
      const source = writeSource('one', 4 * 1024 ** 2);
      await expectFailure(archives.write(path.join(small, 'a.tar'), [source, source]), 'NO_SPACE');
      expect(existsSync(path.join(small, 'a.tar'))).toBe(false);
      await archives.write(at('a.tar'), [source]);
      await using reader = archives.open(at('a.tar'));
      const file = await reader.next();
      await expectFailure(file?.writeTo(path.join(small, 'out')) ?? Promise.resolve(), 'NO_SPACE');
      expect(existsSync(path.join(small, 'out'))).toBe(false);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
