import { z } from 'zod';
import {
  absolutePath,
  choice,
  listenAddress,
  pathList,
  positiveNumber,
  serverUrl,
  size,
  text,
  wholeNumber,
  yesOrNo,
} from './value-schemas.ts';

const libvirtUri = text.regex(/^[a-z0-9+]+:\/\//, 'must be a libvirt connection URI such as qemu:///system');

const MEBIBYTE = 1024 ** 2;

/** One setting: its name in the file (dots for nesting), in the environment, and what it may be. */
export const SETTINGS = {
  connect: { env: 'DARKROOM_CONNECT', schema: libvirtUri },
  state_dir: { env: 'DARKROOM_STATE_DIR', schema: absolutePath },
  // a folder, an s3:// URL or a name: load-stores.ts
  store: { env: 'DARKROOM_STORE', schema: text },
  's3.endpoint': { env: 'DARKROOM_S3_ENDPOINT', schema: serverUrl },
  's3.region': { env: 'DARKROOM_S3_REGION', schema: text },
  's3.path_style': { env: 'DARKROOM_S3_PATH_STYLE', schema: yesOrNo },
  's3.credentials_file': { env: 'DARKROOM_S3_CREDENTIALS_FILE', schema: absolutePath },
  's3.profile': { env: 'DARKROOM_S3_PROFILE', schema: text },
  's3.sse': { env: 'DARKROOM_S3_SSE', schema: choice(['AES256', 'aws:kms']) },
  's3.kms_key_id': { env: 'DARKROOM_S3_KMS_KEY_ID', schema: text },
  's3.part_size': {
    env: 'DARKROOM_S3_PART_SIZE',
    schema: size.refine((bytes) => bytes >= 5 * MEBIBYTE && bytes <= 5120 * MEBIBYTE, 'must be 5MiB to 5GiB'),
  },
  's3.concurrency': {
    env: 'DARKROOM_S3_CONCURRENCY',
    schema: positiveNumber.refine((value) => value <= 64, 'must be 1 to 64'),
  },
  's3.retry_for': { env: 'DARKROOM_S3_RETRY_FOR', schema: wholeNumber },
  cache_dir: { env: 'DARKROOM_CACHE_DIR', schema: absolutePath },
  cache_size: { env: 'DARKROOM_CACHE_SIZE', schema: size },
  socket: { env: 'DARKROOM_SOCKET', schema: absolutePath },
  socket_group: { env: 'DARKROOM_SOCKET_GROUP', schema: text },
  listen: { env: 'DARKROOM_LISTEN', schema: listenAddress },
  'tls.certificate': { env: 'DARKROOM_TLS_CERTIFICATE', schema: absolutePath },
  'tls.key': { env: 'DARKROOM_TLS_KEY', schema: absolutePath },
  'tls.client_ca': { env: 'DARKROOM_TLS_CLIENT_CA', schema: absolutePath },
  stop_timeout: { env: 'DARKROOM_STOP_TIMEOUT', schema: wholeNumber },
  housekeeping_interval: { env: 'DARKROOM_HOUSEKEEPING_INTERVAL', schema: positiveNumber },
  instances_dir: { env: 'DARKROOM_INSTANCES_DIR', schema: absolutePath },
  overlay_dir: { env: 'DARKROOM_OVERLAY_DIR', schema: absolutePath },
  qemu_user: { env: 'DARKROOM_QEMU_USER', schema: text },
  image_group: { env: 'DARKROOM_IMAGE_GROUP', schema: text },
  'launch.virt_type': { env: 'DARKROOM_VIRT_TYPE', schema: choice(['kvm', 'qemu']) },
  'launch.network': { env: 'DARKROOM_NETWORK', schema: text },
  'launch.memory_mib': { env: 'DARKROOM_MEMORY_MIB', schema: positiveNumber },
  'launch.vcpus': { env: 'DARKROOM_VCPUS', schema: positiveNumber },
  agent_probe_timeout_ms: { env: 'DARKROOM_AGENT_PROBE_TIMEOUT_MS', schema: positiveNumber },
  freeze_timeout_ms: { env: 'DARKROOM_FREEZE_TIMEOUT_MS', schema: positiveNumber },
  freeze_window_ms: { env: 'DARKROOM_FREEZE_WINDOW_MS', schema: positiveNumber },
  'quota.max_images': { env: 'DARKROOM_MAX_IMAGES', schema: wholeNumber },
  'quota.max_image_bytes': { env: 'DARKROOM_MAX_IMAGE_BYTES', schema: size },
  'quota.max_snapshots': { env: 'DARKROOM_MAX_SNAPSHOTS', schema: wholeNumber },
  'quota.max_snapshot_bytes': { env: 'DARKROOM_MAX_SNAPSHOT_BYTES', schema: size },
  max_chain: {
    env: 'DARKROOM_MAX_CHAIN',
    schema: positiveNumber.refine((value) => value <= 200, 'must be 1 to 200'),
  },
  'encryption.key_file': { env: 'DARKROOM_ENCRYPTION_KEY_FILE', schema: absolutePath },
  'encryption.key_command': { env: 'DARKROOM_ENCRYPTION_KEY_COMMAND', schema: absolutePath },
  reserve_bytes: { env: 'DARKROOM_RESERVE_BYTES', schema: size },
  max_concurrent_captures: { env: 'DARKROOM_MAX_CONCURRENT_CAPTURES', schema: positiveNumber },
  max_concurrent_copies: { env: 'DARKROOM_MAX_CONCURRENT_COPIES', schema: positiveNumber },
  max_concurrent_commits: { env: 'DARKROOM_MAX_CONCURRENT_COMMITS', schema: positiveNumber },
  copy_nice: {
    env: 'DARKROOM_COPY_NICE',
    schema: wholeNumber.refine((value) => value <= 19, 'must be 0 to 19'),
  },
  copy_io_class: { env: 'DARKROOM_COPY_IO_CLASS', schema: choice(['none', 'best-effort', 'idle']) },
  overlay_low_space: { env: 'DARKROOM_OVERLAY_LOW_SPACE', schema: size },
  copy_bandwidth: { env: 'DARKROOM_COPY_BANDWIDTH', schema: size },
  commit_bandwidth: { env: 'DARKROOM_COMMIT_BANDWIDTH', schema: size },
  // as OpenStack's compute service calls it
  shelved_offload_time: {
    env: 'DARKROOM_SHELVED_OFFLOAD_TIME',
    schema: z.preprocess(
      (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value),
      z.int('must be a whole number of seconds').min(-1, 'must be -1 (never), 0 (at once) or seconds'),
    ),
  },
  'notify.webhook_url': {
    env: 'DARKROOM_NOTIFY_WEBHOOK_URL',
    schema: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }),
  },
  'notify.webhook_secret_file': { env: 'DARKROOM_NOTIFY_WEBHOOK_SECRET_FILE', schema: absolutePath },
  'notify.command': { env: 'DARKROOM_NOTIFY_COMMAND', schema: absolutePath },
  max_concurrent_backups: { env: 'DARKROOM_MAX_CONCURRENT_BACKUPS', schema: positiveNumber },
  recycle_days: {
    env: 'DARKROOM_RECYCLE_DAYS',
    schema: wholeNumber.refine((value) => value <= 36_500, 'must be 0 (not at all) to 36500 days'),
  },
  host_name: { env: 'DARKROOM_HOST_NAME', schema: text },
  log_level: { env: 'DARKROOM_LOG_LEVEL', schema: choice(['debug', 'info', 'warn', 'error', 'silent']) },
  transfer_dirs: { env: 'DARKROOM_TRANSFER_DIRS', schema: pathList },
} as const;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValues = { readonly [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]['schema']> };

const schemas: { readonly [Key in SettingKey]: { readonly schema: z.ZodType<SettingValues[Key]> } } = SETTINGS;

/** What a setting may be, with the type that it then has. */
export function schemaOf<Key extends SettingKey>(key: Key): z.ZodType<SettingValues[Key]> {
  return schemas[key].schema;
}

export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS).filter(isSettingKey);

export function isSettingKey(text: string): text is SettingKey {
  return Object.hasOwn(SETTINGS, text);
}

/** Settings whose relative paths in the environment and on the command line are taken from the current folder. */
export const PATH_KEYS: ReadonlySet<SettingKey> = new Set([
  'state_dir',
  's3.credentials_file',
  'cache_dir',
  'socket',
  'instances_dir',
  'overlay_dir',
  'tls.certificate',
  'tls.key',
  'tls.client_ca',
  'notify.webhook_secret_file',
  'notify.command',
  'encryption.key_file',
  'encryption.key_command',
] satisfies SettingKey[]);
