import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load-settings.ts';
import type { SettingFlags } from '../../../src/config/setting-sources.ts';
import { SETTING_KEYS, SETTINGS } from '../../../src/config/settings-schema.ts';
import { DarkroomError } from '../../../src/model/errors.ts';

const EXAMPLE = fileURLToPath(new URL('../../../scripts/darkroom.example.yaml', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-st-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads a document of settings; without one, no file at all (an empty one stands in for the host's own). */
function load(yaml = '', others: { env?: NodeJS.ProcessEnv; flags?: SettingFlags } = {}) {
  const file = path.join(folder, 'darkroom.yaml');
  writeFileSync(file, yaml);
  return loadSettings({ file, env: others.env ?? {}, flags: others.flags ?? {} });
}

function failureOf(work: () => unknown): DarkroomError {
  try {
    work();
  } catch (error) {
    if (error instanceof DarkroomError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('loadSettings', () => {
  it('gives the documented defaults when nothing is set', () => {
    expect(load()).toEqual({
      connectUri: 'qemu:///system',
      stateDir: '/var/lib/darkroom',
      store: '/var/lib/darkroom/store',
      stores: [{ name: 'default', location: '/var/lib/darkroom/store', s3: null }],
      s3: {
        endpoint: null,
        region: 'us-east-1',
        isPathStyle: false,
        credentialsFile: null,
        profile: null,
        serverSideEncryption: null,
        kmsKeyId: null,
        partBytes: 16_777_216,
        concurrency: 8,
        retryForMs: 120_000,
      },
      imageServices: [],
      cacheDir: '/var/cache/darkroom',
      cacheLimitBytes: 53_687_091_200,
      socket: '/run/darkroom/agent.sock',
      socketGroup: 'darkroom',
      listen: null,
      tls: { certificate: null, key: null, clientCa: null },
      stopTimeoutMs: 160_000,
      housekeepingIntervalMs: 30_000,
      instancesDir: '/var/lib/darkroom/instances',
      overlayDir: '/var/lib/darkroom/overlays',
      qemuUser: 'libvirt-qemu',
      imageGroup: 'kvm',
      launch: { virtType: 'kvm', network: 'default', memoryMiB: 1024, vcpus: 1 },
      agentProbeTimeoutMs: 2000,
      freezeTimeoutMs: 5000,
      freezeWindowMs: 8000,
      quota: { maxImages: null, maxImageBytes: null, maxSnapshots: null, maxSnapshotBytes: null },
      maxChain: 30,
      encryption: { keyFile: null, keyCommand: null },
      reserveBytes: 268435456,
      maxConcurrentCaptures: 4,
      maxConcurrentCopies: 2,
      maxConcurrentCommits: 2,
      copyNice: 10,
      copyIoClass: 'best-effort',
      overlayLowSpaceBytes: 134217728,
      copyBandwidthBytesPerSecond: 0,
      commitBandwidthBytesPerSecond: 0,
      shelvedOffloadTimeMs: 0,
      notify: { webhookUrl: null, webhookSecretFile: null, command: null },
      maxConcurrentBackups: 2,
      recyclePeriodMs: 604_800_000,
      hostName: hostname(),
      logLevel: 'info',
      transferDirs: [],
    });
  });

  it('reads the example file, which shows exactly the defaults and every setting and variable', async () => {
    expect(loadSettings({ file: EXAMPLE, env: {}, flags: {} })).toEqual(load());
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(EXAMPLE, 'utf8');
    for (const key of SETTING_KEYS) {
      expect(text).toContain(`${key.split('.').at(-1)}:`);
      expect(text).toContain(SETTINGS[key].env);
    }
  });

  it('prefers the command line to the environment, that to the file, and that to the default', () => {
    const yaml = 'store: /from/file\nqemu_user: file-user\nconnect: test:///default\n';
    const env = { DARKROOM_STORE: '/from/env', DARKROOM_QEMU_USER: 'env-user' };
    const settings = load(yaml, { env, flags: { store: '/from/flag' } });
    expect(settings.store).toBe('/from/flag');
    expect(settings.qemuUser).toBe('env-user');
    expect(settings.connectUri).toBe('test:///default');
    expect(settings.imageGroup).toBe('kvm');
  });

  it('puts store, instances, overlays and cache below a state folder that is given alone', () => {
    const settings = load('', { flags: { stateDir: '/srv/dr' } });
    expect(settings).toMatchObject({
      stateDir: '/srv/dr',
      store: '/srv/dr/store',
      instancesDir: '/srv/dr/instances',
      overlayDir: '/srv/dr/overlays',
      cacheDir: '/srv/dr/cache',
    });
    expect(load('store: /images\n', { flags: { stateDir: '/srv/dr' } }).store).toBe('/images');
  });

  it('takes relative paths of the command line and environment from the current folder', () => {
    const settings = load('', { env: { DARKROOM_STORE: 'images' }, flags: { stateDir: './state' } });
    expect(settings.store).toBe(path.resolve('images'));
    expect(settings.stateDir).toBe(path.resolve('state'));
  });

  it.each([
    ['launch:\n  virt_type: qemu\n  memory_mib: 512\n', { launch: { virtType: 'qemu', memoryMiB: 512 } }],
    ['quota:\n  max_images: 3\n  max_image_bytes: 10GiB\n', { quota: { maxImages: 3, maxImageBytes: 10737418240 } }],
    [
      'quota:\n  max_snapshots: 3\n  max_snapshot_bytes: 1GiB\n',
      { quota: { maxSnapshots: 3, maxSnapshotBytes: 1073741824 } },
    ],
    ['max_chain: 7\nencryption:\n  key_file: /k\n', { maxChain: 7, encryption: { keyFile: '/k', keyCommand: null } }],
    ['quota:\n', { quota: { maxImages: null } }],
    ['reserve_bytes: 1.5 GB\n', { reserveBytes: 1500000000 }],
    ['copy_bandwidth: 50MiB\n', { copyBandwidthBytesPerSecond: 52428800 }],
    ['transfer_dirs: [/srv/a, /srv/b]\n', { transferDirs: ['/srv/a', '/srv/b'] }],
    ['store:\n', { store: '/var/lib/darkroom/store' }],
    ['shelved_offload_time: -1\n', { shelvedOffloadTimeMs: null }],
    ['shelved_offload_time: 3600\nhost_name: node1\n', { shelvedOffloadTimeMs: 3_600_000, hostName: 'node1' }],
    [
      'notify:\n  webhook_url: https://a.example/x?y=z\n  webhook_secret_file: /k\n  command: /bin/tell\n',
      { notify: { webhookUrl: 'https://a.example/x?y=z', webhookSecretFile: '/k', command: '/bin/tell' } },
    ],
    ['recycle_days: 0\nmax_concurrent_backups: 5\n', { recyclePeriodMs: 0, maxConcurrentBackups: 5 }],
    ['# only a comment\n', { logLevel: 'info' }],
  ])('understands %j', (yaml, expected) => {
    expect(load(yaml)).toMatchObject(expected);
  });

  it.each([
    [{ DARKROOM_VIRT_TYPE: 'qemu' }, { launch: { virtType: 'qemu' } }],
    [{ DARKROOM_MEMORY_MIB: '2048' }, { launch: { memoryMiB: 2048 } }],
    [{ DARKROOM_MAX_IMAGE_BYTES: '1TiB' }, { quota: { maxImageBytes: 1099511627776 } }],
    [{ DARKROOM_TRANSFER_DIRS: '/a:/b' }, { transferDirs: ['/a', '/b'] }],
    [{ DARKROOM_NOTIFY_WEBHOOK_URL: 'http://[::1]:9/' }, { notify: { webhookUrl: 'http://[::1]:9/', command: null } }],
    [{ DARKROOM_NOTIFY_COMMAND: '/bin/tell' }, { notify: { webhookUrl: null, command: '/bin/tell' } }],
    [{ DARKROOM_NOTIFY_WEBHOOK_SECRET_FILE: 'key' }, { notify: { webhookSecretFile: path.resolve('key') } }],
    [
      { DARKROOM_CACHE_DIR: 'c', DARKROOM_CACHE_SIZE: '1GiB' },
      { cacheDir: path.resolve('c'), cacheLimitBytes: 2 ** 30 },
    ],
    [{ DARKROOM_RECYCLE_DAYS: '1' }, { recyclePeriodMs: 86_400_000 }],
    [{ DARKROOM_LOG_LEVEL: '' }, { logLevel: 'info' }],
    [{ DARKROOM_SOMETHING_ELSE: 'x' }, { logLevel: 'info' }],
  ])('understands the environment %j', (env, expected) => {
    expect(load('', { env })).toMatchObject(expected);
  });

  it.each([
    ['stoer: /x\n', 'stoer', 'did you mean store?'],
    ['launch:\n  virttype: qemu\n', 'launch.virttype', 'did you mean launch.virt_type?'],
    ['zzzzzzzzzz: 1\n', 'zzzzzzzzzz', 'known are connect'],
    ['launch: kvm\n', 'launch', 'unknown setting'],
    ['store: {path: /x}\n', 'store.path', 'unknown setting'],
    ['store: images\n', 'store', 'must be an absolute path, s3://bucket/prefix or the name'],
    ['store: 5\n', 'store', 'seen: 5'],
    ['launch:\n  virt_type: xen\n', 'launch.virt_type', 'must be one of kvm, qemu; seen: "xen"'],
    ['launch:\n  vcpus: 0\n', 'launch.vcpus', 'must be at least 1'],
    ['freeze_timeout_ms: -1\n', 'freeze_timeout_ms', 'must not be negative'],
    ['freeze_timeout_ms: 1.5\n', 'freeze_timeout_ms', 'seen: 1.5'],
    ['reserve_bytes: lots\n', 'reserve_bytes', 'must be a size such as 10GiB'],
    ['reserve_bytes: true\n', 'reserve_bytes', 'must be a size such as 10GiB'],
    ['connect: system\n', 'connect', 'libvirt connection URI'],
    ['notify:\n  webhook_url: ftp://a.example/\n', 'notify.webhook_url', 'must be an http:// or https:// URL'],
    ['notify:\n  webhook_url: a.example\n', 'notify.webhook_url', 'must be an http:// or https:// URL'],
    ['cache_dir: x\n', 'cache_dir', 'must be an absolute path; seen: "x"'],
    ['notify:\n  command: tell\n', 'notify.command', 'must be an absolute path'],
    ['notify:\n  webhook: https://a.example/\n', 'notify.webhook', 'did you mean notify.webhook_url?'],
    ['max_concurrent_backups: 0\n', 'max_concurrent_backups', 'must be at least 1'],
    ['recycle_days: -1\n', 'recycle_days', 'must not be negative'],
    ['recycle_days: 36501\n', 'recycle_days', 'must be 0 (not at all) to 36500 days'],
    ['transfer_dirs: [a]\n', 'transfer_dirs', 'absolute path'],
  ])('refuses %j, naming the file, the key and what was seen', (yaml, key, text) => {
    const failure = failureOf(() => load(yaml));
    expect(failure.code).toBe('INVALID_REQUEST');
    expect(failure.message).toContain('darkroom.yaml');
    expect(failure.message).toContain(key);
    expect(failure.message).toContain(text);
  });

  it.each([
    ['- a list\n', 'must hold settings'],
    ['store: [unclosed\n', 'Cannot read the settings file'],
    ['store: /a\nstore: /b\n', 'Cannot read the settings file'],
  ])('refuses the document %j', (yaml, text) => {
    expect(failureOf(() => load(yaml)).message).toContain(text);
  });

  it('names the variable or the option that holds a wrong value', () => {
    const fromEnvironment = failureOf(() => load('', { env: { DARKROOM_VCPUS: 'many' } }));
    expect(fromEnvironment.message).toContain('DARKROOM_VCPUS: ');
    expect(fromEnvironment.message).toContain('"many"');
    expect(failureOf(() => load('', { flags: { logLevel: 'loud' } })).message).toContain('--log-level: must be one of');
  });

  it('refuses a file that was named but is not there', () => {
    const missing = path.join(folder, 'missing.yaml');
    expect(failureOf(() => loadSettings({ file: missing, env: {}, flags: {} })).message).toContain(missing);
    expect(failureOf(() => loadSettings({ env: { DARKROOM_CONFIG: missing }, flags: {} })).code).toBe(
      'INVALID_REQUEST',
    );
  });
});
