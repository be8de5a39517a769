import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadInventory, requireHost } from '../../../src/config/inventory.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';
import { readSecretFile, readToken } from '../../../src/config/read-secret-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'darkroom.yaml');

function load(yaml: string) {
  writeFileSync(file, yaml);
  return loadInventory({ file, env: {} });
}

const NODE2 = 'node2: { url: "https://node2:8443", ca: ca.crt, certificate: /etc/me.crt, key: /etc/me.key }';

describe('the inventory', () => {
  it('names hosts with absolute paths, relative ones taken from the folder of their file', () => {
    expect(load(`hosts:\n  ${NODE2}\n  node3: { url: "https://[::1]:8443", token_file: t }\n`).hosts).toEqual([
      {
        name: 'node2',
        url: new URL('https://node2:8443'),
        ca: path.join(folder, 'ca.crt'),
        certificate: '/etc/me.crt',
        key: '/etc/me.key',
        tokenFile: null,
      },
      {
        name: 'node3',
        url: new URL('https://[::1]:8443'),
        ca: null,
        certificate: null,
        key: null,
        tokenFile: path.join(folder, 't'),
      },
    ]);
  });

  it.each(['', 'hosts:\n', 'hosts: {}\n', 'store: /srv\n'])('is empty for %j', (yaml) => {
    expect(load(yaml).hosts).toEqual([]);
  });

  it.each([
    ['hosts: [node2]', 'hosts: must hold hosts as'],
    ['hosts: { node2: "https://node2" }', 'hosts.node2: must hold url, ca'],
    ['hosts: { "a b": { url: "https://a", token_file: t } }', 'hosts.a b: must be 1 to 64 of the characters'],
    ['hosts: { a: { token_file: t } }', 'hosts.a.url: must be a URL'],
    ['hosts: { a: { url: "http://a:1", token_file: t } }', 'hosts.a.url: must be a URL such as https://'],
    ['hosts: { a: { url: "https://a/v1", token_file: t } }', 'and nothing behind it'],
    ['hosts: { a: { url: "https://me:secret@a", token_file: t } }', 'hosts.a.url: must be a URL'],
    ['hosts: { a: { url: "https://a", token: x, token_file: t } }', 'hosts.a.token: is not known; known are url'],
    ['hosts: { a: { url: "https://a", tokenfile: x, token_file: t } }', 'did you mean token_file'],
    ['hosts: { a: { url: "https://a", certificate: c } }', 'hosts.a: certificate and key are needed together'],
    ['hosts: { a: { url: "https://a" } }', 'hosts.a: needs certificate and key, or token_file'],
    ['hosts: { a: { url: "https://a", token_file: 7 } }', 'hosts.a.token_file: must be the path of a file'],
    ['- hosts', 'must hold settings'],
  ])('refuses %s, naming file and key', (yaml, complaint) => {
    expect(() => load(yaml)).toThrow(complaint);
    expect(() => load(yaml)).toThrow(file);
    expect(() => load(yaml)).not.toThrow('secret');
    expect(() => load(yaml)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('is no setting, and no obstacle to those of the same file', () => {
    writeFileSync(file, `store: /srv/images\nhosts:\n  ${NODE2}\n`);
    expect(loadSettings({ file, env: {}, flags: {} }).store).toBe('/srv/images');
    writeFileSync(file, 'host:\n  a: 1\n');
    expect(() => loadSettings({ file, env: {}, flags: {} })).toThrow('unknown setting host.a');
  });

  it('of a person lies among their own files, and holds nothing else', () => {
    const own = path.join(folder, 'darkroom', 'darkroom.yaml');
    mkdirSync(path.dirname(own));
    writeFileSync(own, `hosts:\n  ${NODE2}\n`);
    const env = { XDG_CONFIG_HOME: folder, HOME: '/nowhere' };
    expect(loadInventory({ env }).hosts.map(({ name }) => name)).toContain('node2');
    expect(loadInventory({ env }).places).toContain(own);
    expect(loadInventory({ env: { ...env, DARKROOM_CONFIG: file } }).places).toBe(file);
    expect(loadInventory({ env: { HOME: '/nowhere' } }).places).toContain('/nowhere/.config/darkroom/darkroom.yaml');
    writeFileSync(own, 'store: /mine\n');
    expect(() => loadInventory({ env })).toThrow("store: a person's own file holds 'hosts:' alone");
  });

  it('tells of a host that it does not hold with those that it does, and the nearest', () => {
    const inventory = load(`hosts:\n  ${NODE2}\n  rack1: { url: "https://r", token_file: t }\n`);
    expect(requireHost(inventory, 'rack1').name).toBe('rack1');
    expect(() => requireHost(inventory, 'nod2')).toThrow("did you mean 'node2'? Known are node2, rack1.");
    expect(() => requireHost(inventory, 'xxxxxxxxxx')).toThrow('; Known are node2, rack1.');
    expect(() => requireHost(load(''), 'a')).toThrow("no host is known: name them under 'hosts:'");
    expect(() => requireHost(inventory, 'nod2')).toThrow(expect.objectContaining({ code: 'HOST_NOT_FOUND' }));
  });
});

describe('secret files', () => {
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, ' drk_abc\n');

  it.each([
    [0o600, true],
    [0o400, true],
    // root's, for a group of operators; what is not root's must be closed to its group too
    [0o640, process.getuid?.() === 0],
    [0o660, false],
    [0o604, false],
    [0o644, false],
  ])('of mode %i are taken: %s', async (mode, isTaken) => {
    chmodSync(secret, mode);
    if (isTaken) expect(await readSecretFile(secret, 'key')).toBe(' drk_abc\n');
    else await expect(readSecretFile(secret, 'key')).rejects.toThrow(`key: ${secret} is open to others`);
  });

  it('hold one token, which no message quotes', async () => {
    chmodSync(secret, 0o600);
    expect(await readToken(secret)).toBe('drk_abc');
    writeFileSync(secret, 'drk_abc\ndrk_def\n');
    await expect(readToken(secret)).rejects.toThrow('does not hold a token');
    await expect(readToken(secret)).rejects.not.toThrow('drk_');
    await expect(readToken(folder)).rejects.toThrow('is not a file');
    await expect(readToken(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });
});
