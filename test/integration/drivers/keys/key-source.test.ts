import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeySource } from '../../../../src/drivers/keys/create-key-source.ts';

const KEY = 'correct horse battery';
let folder = '';

beforeAll(() => {
  folder = mkdtempSync('/var/tmp/darkroom-keys-');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(content: string, mode: number): string {
  const file = path.join(folder, `file-${mode}-${content.length}`);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

const fromFile = (keyFile: string) => createKeySource(() => ({ keyFile, keyCommand: null }));
const fromCommand = (script: string, commandTimeoutMs = 20_000) => {
  const keyCommand = write(`#!/bin/sh\n${script}\n`, 0o700);
  return createKeySource(() => ({ keyFile: null, keyCommand }), { commandTimeoutMs });
};

async function complaintOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ code: 'ENCRYPTION_KEY_MISSING' });
  expect(inspect(error, { depth: 9 })).not.toContain('horse');
  return String(error);
}

describe('the key', () => {
  it.each([KEY, `${KEY}\n`, `${KEY}\r\n`])('is what a private file holds, without one line end', async (content) => {
    const source = fromFile(write(content, 0o600));
    expect(source.isConfigured).toBe(true);
    expect((await source.read()).reveal()).toBe(KEY);
  });

  it('is what a command prints', async () => {
    expect((await fromCommand(`echo '${KEY}'`).read()).reveal()).toBe(KEY);
  });

  it('is shown by nothing that prints it', async () => {
    const key = await fromFile(write(KEY, 0o600)).read();
    expect([`${key}`, JSON.stringify({ key }), inspect({ key })].join()).not.toContain('horse');
  });

  it('is read anew each time, from where it is configured by then', async () => {
    let keyFile: string | null = null;
    const source = createKeySource(() => ({ keyFile, keyCommand: null }));
    expect(source.isConfigured).toBe(false);
    expect(await complaintOf(source.read())).toContain('set encryption.key_file');
    keyFile = write(KEY, 0o600);
    expect((await source.read()).reveal()).toBe(KEY);
  });
});

describe('what is wrong with a key', () => {
  it.each([
    ['open to others', KEY, 0o644],
    ['16 to 1024 characters, and holds 15', 'horse 789012345', 0o600],
    ['16 to 1024 characters, and holds 1025', 'horse'.padEnd(1025, 'x'), 0o600],
    ['more than one line of printable', `${KEY}\n${KEY}`, 0o600],
    ['more than one line of printable', `${KEY}\n\n`, 0o600],
    ['more than one line of printable', `${KEY}\0`, 0o600],
    ['more than one line of printable', `${KEY} grün`, 0o600],
  ])('is said (%s), with the place', async (reason, content, mode) => {
    const keyFile = write(content, mode);
    const complaint = await complaintOf(fromFile(keyFile).read());
    expect(complaint).toContain(reason);
    expect(complaint).toContain(`encryption.key_file ${keyFile}`);
  });

  it('is said when there is no file', async () => {
    expect(await complaintOf(fromFile(path.join(folder, 'none')).read())).toContain('cannot be read');
  });

  it.each([
    ['ended with exit code 3', `echo '${KEY}'; echo '${KEY}' >&2; exit 3`],
    ['ended', `exec yes '${KEY}'`],
    ['holds 0', 'true'],
  ])('is said of a command (%s)', async (reason, script) => {
    expect(await complaintOf(fromCommand(script).read())).toContain(reason);
  });

  it('is said of a command that does not end', async () => {
    const endless = fromCommand(`echo '${KEY}'; exec sleep 60`, 500);
    expect(await complaintOf(endless.read())).toContain('did not end within');
  });

  it('is said where the command is not there, and where both are configured', async () => {
    const none = path.join(folder, 'none');
    const missing = createKeySource(() => ({ keyFile: null, keyCommand: none }));
    expect(await complaintOf(missing.read())).toContain('is not there or cannot be run');
    expect(await complaintOf(createKeySource(() => ({ keyFile: none, keyCommand: none })).read())).toContain('both');
  });
});
