import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { loadPlaces } from './load-places.ts';
import { readSetting } from './read-setting.ts';
import { readYamlMapping } from './read-yaml-file.ts';
import {
  type FoundSettings,
  readEnvironment,
  readFlags,
  readForeignEnvironment,
  readSettingsFile,
  type SettingFlags,
} from './setting-sources.ts';
import type { Settings } from './settings.ts';
import type { SettingKey } from './settings-schema.ts';

export const DEFAULT_SETTINGS_FILE = '/etc/darkroom/darkroom.yaml';
const DEFAULT_STATE_DIR = '/var/lib/darkroom';
const DEFAULT_CACHE_DIR = '/var/cache/darkroom';

export interface SettingSources {
  /** From --config; DARKROOM_CONFIG where it is absent, else the usual place, which need not exist. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: SettingFlags;
}

/**
 * Command line, then environment, then file, then defaults. `store`, `instances_dir`, `overlay_dir` and `cache_dir` lie
 * below `state_dir` unless they are given, so that `--state-dir` alone moves everything. INVALID_REQUEST names the file or
 * variable, the key, and what was seen.
 */
export function loadSettings(sources: SettingSources): Settings {
  const file = chooseFile(sources);
  const document = file === null ? {} : readYamlMapping(file);
  const found: FoundSettings = new Map([
    ...readForeignEnvironment(sources.env),
    ...readSettingsFile(file ?? '', document),
    ...readEnvironment(sources.env),
    ...readFlags(sources.flags),
  ]);
  const get = <Key extends SettingKey, Default>(key: Key, fallback: Default) => readSetting(found, key) ?? fallback;
  const stateDir = get('state_dir', DEFAULT_STATE_DIR);
  const { stores, s3, imageServices } = loadPlaces({
    found,
    file: file ?? '',
    document,
    fallback: path.join(stateDir, 'store'),
  });
  return {
    connectUri: get('connect', 'qemu:///system'),
    stateDir,
    store: stores[0].location,
    stores,
    s3,
    imageServices,
    cacheDir: get('cache_dir', stateDir === DEFAULT_STATE_DIR ? DEFAULT_CACHE_DIR : path.join(stateDir, 'cache')),
    cacheLimitBytes: get('cache_size', 50 * 1024 ** 3),
    socket: get('socket', '/run/darkroom/agent.sock'),
    socketGroup: get('socket_group', 'darkroom'),
    listen: get('listen', null),
    tls: {
      certificate: get('tls.certificate', null),
      key: get('tls.key', null),
      clientCa: get('tls.client_ca', null),
    },
    stopTimeoutMs: get('stop_timeout', 160) * 1000,
    housekeepingIntervalMs: get('housekeeping_interval', 30) * 1000,
    instancesDir: get('instances_dir', path.join(stateDir, 'instances')),
    overlayDir: get('overlay_dir', path.join(stateDir, 'overlays')),
    qemuUser: get('qemu_user', 'libvirt-qemu'),
    imageGroup: get('image_group', 'kvm'),
    launch: {
      virtType: get('launch.virt_type', 'kvm'),
      network: get('launch.network', 'default'),
      memoryMiB: get('launch.memory_mib', 1024),
      vcpus: get('launch.vcpus', 1),
    },
    agentProbeTimeoutMs: get('agent_probe_timeout_ms', 2000),
    freezeTimeoutMs: get('freeze_timeout_ms', 5000),
    freezeWindowMs: get('freeze_window_ms', 8000),
    quota: {
      maxImages: get('quota.max_images', null),
      maxImageBytes: get('quota.max_image_bytes', null),
      maxSnapshots: get('quota.max_snapshots', null),
      maxSnapshotBytes: get('quota.max_snapshot_bytes', null),
    },
    maxChain: get('max_chain', 30),
    encryption: {
      keyFile: get('encryption.key_file', null),
      keyCommand: get('encryption.key_command', null),
    },
    reserveBytes: get('reserve_bytes', 256 * 1024 * 1024),
    maxConcurrentCaptures: get('max_concurrent_captures', 4),
    maxConcurrentCopies: get('max_concurrent_copies', 2),
    maxConcurrentCommits: get('max_concurrent_commits', 2),
    copyNice: get('copy_nice', 10),
    copyIoClass: get('copy_io_class', 'best-effort'),
    overlayLowSpaceBytes: get('overlay_low_space', 128 * 1024 * 1024),
    copyBandwidthBytesPerSecond: get('copy_bandwidth', 0),
    commitBandwidthBytesPerSecond: get('commit_bandwidth', 0),
    shelvedOffloadTimeMs: offloadTimeMs(get('shelved_offload_time', 0)),
    notify: {
      webhookUrl: get('notify.webhook_url', null),
      webhookSecretFile: get('notify.webhook_secret_file', null),
      command: get('notify.command', null),
    },
    maxConcurrentBackups: get('max_concurrent_backups', 2),
    recyclePeriodMs: get('recycle_days', 7) * 86_400_000,
    hostName: get('host_name', hostname()),
    logLevel: get('log_level', 'info'),
    transferDirs: get('transfer_dirs', []),
  };
}

function offloadTimeMs(seconds: number): number | null {
  return seconds < 0 ? null : seconds * 1000;
}

/** A file that somebody named must be there. */
function chooseFile(sources: SettingSources): string | null {
  const named = sources.file ?? (sources.env['DARKROOM_CONFIG'] || undefined);
  if (named !== undefined) return path.resolve(named);
  return existsSync(DEFAULT_SETTINGS_FILE) ? DEFAULT_SETTINGS_FILE : null;
}
