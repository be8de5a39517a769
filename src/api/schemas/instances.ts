import { z } from 'zod';
import { INSTANCE_STATES, type Instance, POWER_STATES, type Volume } from '../../model/instance.ts';
import { judgePublicKey } from '../ssh-key.ts';
import { labelChangesSchema, labelFilterSchema } from './labels.ts';
import { instanceNameSchema, optionalBody, pathSchema, referenceSchema, timeoutMsSchema } from './names.ts';
import { pageShape } from './pages.ts';
import { wholeNumber } from './whole-number.ts';

const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_VCPUS = 4096;
const MAX_SSH_KEYS = 64;
const MAX_USER_DATA_CHARACTERS = 1024 * 1024;
const DEFAULT_STOP_TIMEOUT_MS = 60_000;

export const instanceListQuerySchema = z.strictObject({
  name: referenceSchema.exactOptional(),
  state: z.enum(INSTANCE_STATES).exactOptional(),
  /** `env=prod,tier=db`: it has all of them. */
  labels: labelFilterSchema.exactOptional(),
  ...pageShape,
});
export const instanceParamsSchema = z.object({ instance: referenceSchema });

const publicKeySchema = z.string().check((context) => {
  const complaint = judgePublicKey(context.value);
  // The value stays out of the issue: it may be a private key.
  if (complaint !== null) context.issues.push({ code: 'custom', input: null, message: complaint });
});

export const launchInstanceBodySchema = z.strictObject({
  name: instanceNameSchema,
  image: referenceSchema,
  memoryMiB: wholeNumber(MAX_MEMORY_MIB).nullable().default(null),
  vcpus: wholeNumber(MAX_VCPUS).nullable().default(null),
  clone: z.enum(['thin', 'full']).nullable().default(null),
  isStarted: z.boolean().default(true),
  network: referenceSchema.nullable().default(null),
  sshKeys: z.array(publicKeySchema).max(MAX_SSH_KEYS).default([]),
  userData: z
    .string()
    .max(MAX_USER_DATA_CHARACTERS)
    .refine((text) => !/\p{Cs}/u.test(text), { error: 'must not hold broken Unicode' })
    .nullable()
    .default(null),
});
export type LaunchInstanceBody = z.input<typeof launchInstanceBodySchema>;

export const updateInstanceBodySchema = z
  .strictObject({ labels: labelChangesSchema })
  .refine(({ labels }) => Object.keys(labels).length > 0, { error: 'must change something' });
export type UpdateInstanceBody = z.input<typeof updateInstanceBodySchema>;

export const deleteInstanceQuerySchema = z.strictObject({
  isForced: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});

/** start, pause, resume and suspend take nothing; a body may be left out. */
export const powerBodySchema = optionalBody(z.strictObject({}));

const stopOptionsSchema = z.strictObject({
  isForced: z.boolean().default(false),
  timeoutMs: timeoutMsSchema.default(DEFAULT_STOP_TIMEOUT_MS),
});
export const stopInstanceBodySchema = optionalBody(stopOptionsSchema);
export type StopInstanceBody = z.input<typeof stopOptionsSchema>;

const DEFAULT_SHUTDOWN_TIMEOUT_MS = 60_000;

const shelveOptionsSchema = z.strictObject({
  /** null: as the host is configured. */
  isOffloaded: z.boolean().nullable().default(null),
  shutdownTimeoutMs: timeoutMsSchema.default(DEFAULT_SHUTDOWN_TIMEOUT_MS),
  keepsMemory: z.boolean().default(false),
});
export const shelveInstanceBodySchema = optionalBody(shelveOptionsSchema);
export type ShelveInstanceBody = z.input<typeof shelveOptionsSchema>;

const unshelveOptionsSchema = z.strictObject({
  isStarted: z.boolean().default(true),
  networks: z.record(referenceSchema, referenceSchema).default({}),
  diskDir: pathSchema.nullable().default(null),
  isCold: z.boolean().default(false),
  isStealing: z.boolean().default(false),
});
export const unshelveInstanceBodySchema = optionalBody(unshelveOptionsSchema);
export type UnshelveInstanceBody = z.input<typeof unshelveOptionsSchema>;

export const instanceSchema: z.ZodType<Instance> = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(INSTANCE_STATES),
  powerState: z.enum(POWER_STATES),
  taskState: z.string().nullable(),
  host: z.string().nullable(),
  vcpus: z.number(),
  memoryMiB: z.number(),
  disks: z.array(
    z.object({
      target: z.string(),
      device: z.string(),
      path: z.string().nullable(),
      format: z.string().nullable(),
      isReadOnly: z.boolean(),
    }),
  ),
  macs: z.array(z.string()),
  addresses: z.array(
    z.object({
      mac: z.string(),
      address: z.string(),
      prefix: z.number(),
      source: z.enum(['agent', 'lease', 'arp']),
    }),
  ),
  imageId: z.string().nullable(),
  owner: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
});

export const volumeParamsSchema = z.object({ volume: referenceSchema });
export const volumeListQuerySchema = z.strictObject({ instance: referenceSchema.exactOptional(), ...pageShape });

export const volumeSchema: z.ZodType<Volume> = z.object({
  id: z.string(),
  instance: z.string(),
  instanceName: z.string(),
  target: z.string(),
  path: z.string().nullable(),
  format: z.string().nullable(),
  virtualSizeBytes: z.number().nullable(),
  sizeBytes: z.number().nullable(),
});
