import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSeedBuilder } from '../../../src/drivers/host/seed-builder.ts';
import { failureOf, MIB, run, useFileSystem, useFolder } from './file-systems.ts';

const folder = useFolder();
const small = useFileSystem(folder, 'tmpfs', 1);
const builder = createSeedBuilder();
const content = { userData: '#cloud-config\nhostname: grün\n', metaData: 'instance-id: i-1\n' };

afterEach(() => vi.unstubAllEnvs());

function readSeed(file: string): { label: string; userData: string; metaData: string } {
  const extract = (name: string) => execFileSync('isoinfo', ['-R', '-i', file, '-x', name], { encoding: 'utf8' });
  return {
    label: run('blkid', '-o', 'value', '-s', 'LABEL', '-p', file),
    userData: extract('/user-data'),
    metaData: extract('/meta-data'),
  };
}

/** A folder for PATH with one tool in it, so named; xorriso becomes a stand-in that takes only its mkisofs way. */
function installOnly(name: string): string {
  const tools = folder.path(`only-${name}`);
  const genisoimage = run('sh', '-c', 'command -v genisoimage');
  mkdirSync(tools);
  const strict = `#!/bin/sh\n[ "$1 $2" = "-as mkisofs" ] || exit 1\nshift 2\nexec ${genisoimage} "$@"\n`;
  if (name === 'xorriso') writeFileSync(path.join(tools, name), strict, { mode: 0o755 });
  else symlinkSync(genisoimage, path.join(tools, name));
  return tools;
}

describe('seed builder', () => {
  it('makes a disk labelled cidata that holds both files and that only its owner can read', async () => {
    const file = folder.path('seed a=b.iso');
    vi.stubEnv('TMPDIR', folder.path('tmp'));
    mkdirSync(folder.path('tmp'));
    await builder.create(file, content);
    expect(readSeed(file)).toEqual({ label: 'cidata', ...content });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path('tmp'))).toEqual([]);
  });

  it('does not overwrite a file that exists', async () => {
    writeFileSync(folder.path('there'), 'precious');
    expect(await failureOf(builder.create(folder.path('there'), content))).toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(folder.path('there'), 'utf8')).toBe('precious');
  });

  it('leaves no file when the disk is full', async () => {
    const error = await failureOf(
      builder.create(small.path('seed.iso'), { ...content, userData: 'x'.repeat(2 * MIB) }),
    );
    expect(error).toMatchObject({ code: 'NO_SPACE' });
    expect(existsSync(small.path('seed.iso'))).toBe(false);
  });

  it('leaves no file when it is cancelled', async () => {
    const error = await failureOf(builder.create(folder.path('cancelled.iso'), content, AbortSignal.abort()));
    expect(error).toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(folder.path('cancelled.iso'))).toBe(false);
  });

  it('says what to install where no tool is', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const error = await failureOf(builder.create(folder.path('none.iso'), content));
    expect(error).toMatchObject({ code: 'TOOL_MISSING' });
    expect(String(error)).toContain('install genisoimage');
    expect(existsSync(folder.path('none.iso'))).toBe(false);
  });

  it.each(['genisoimage', 'mkisofs', 'xorriso'])('works where %s is all there is', async (name) => {
    const { PATH } = process.env;
    vi.stubEnv('PATH', installOnly(name));
    await builder.create(folder.path(`${name}.iso`), content);
    vi.stubEnv('PATH', PATH);
    expect(readSeed(folder.path(`${name}.iso`))).toEqual({ label: 'cidata', ...content });
  });
});
