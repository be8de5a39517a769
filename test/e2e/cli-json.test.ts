import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { capture } from './support/captures.ts';
import { tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { defineBootsectorGuest, type Guest } from './support/tiny-guest.ts';
import { startDomain } from './support/virsh.ts';

const id = z.uuid();
const bytes = z.int().min(0);
const time = z.iso.datetime();

// Strict: a field too many is as much a change of the contract as one too few.
const imageShape = z.strictObject({
  id,
  name: z.string(),
  status: z.literal('active'),
  sizeBytes: bytes,
  virtualSizeBytes: bytes,
  createdAt: time,
  description: z.string().nullable(),
  owner: z.string(),
  visibility: z.literal('private'),
  members: z.tuple([]),
  protected: z.boolean(),
  minDiskGiB: z.int(),
  minMemoryMiB: z.int(),
  checksum: z.strictObject({ algorithm: z.literal('sha256'), value: z.string().length(64) }),
  bootProof: z.null(),
  isEncrypted: z.literal(false),
  consistency: z.strictObject({
    requested: z.literal('auto'),
    achieved: z.literal('paused'),
    freezeMs: z.literal(0),
    pauseMs: z.number().min(0),
    reason: z.string(),
  }),
  disks: z.tuple([
    z.strictObject({
      target: z.literal('vda'),
      file: z.string(),
      format: z.literal('qcow2'),
      virtualSizeBytes: bytes,
      sizeBytes: bytes,
      sha256: z.string().length(64),
    }),
  ]),
  skippedDisks: z.tuple([]),
  nvram: z.null(),
  tpm: z.tuple([]),
  properties: z.record(z.string(), z.string()),
});

const instanceShape = z.strictObject({
  id,
  name: z.string(),
  state: z.literal('active'),
  powerState: z.literal('running'),
  taskState: z.null(),
  host: z.string().min(1),
  vcpus: z.literal(1),
  memoryMiB: z.literal(64),
  disks: z.tuple([
    z.strictObject({
      target: z.literal('vda'),
      device: z.literal('disk'),
      path: z.string(),
      format: z.literal('raw'),
      isReadOnly: z.literal(false),
    }),
  ]),
  macs: z.array(z.string()),
  addresses: z.array(z.unknown()),
  imageId: z.null(),
  // the host's own: an admin made it
  owner: z.null(),
  labels: z.strictObject({}),
});

const volumeShape = z.strictObject({
  id,
  instance: id,
  instanceName: z.string(),
  target: z.literal('vda'),
  path: z.string(),
  format: z.literal('raw'),
  virtualSizeBytes: z.literal(1024 ** 2),
  sizeBytes: bytes,
});

const operationShape = z.strictObject({
  id,
  kind: z.literal('image.create'),
  target: z.string(),
  requestedBy: z.literal('root'),
  status: z.literal('succeeded'),
  step: z.string().min(1),
  progress: z.strictObject({ done: bytes, total: bytes, unit: z.literal('bytes') }).nullable(),
  startedAt: time,
  endedAt: time,
  error: z.null(),
  timings: z.record(z.string(), z.number()),
  result: z.strictObject({ imageId: id, instanceId: id }),
  warnings: z.array(z.string()),
});

const doctorShape = z.strictObject({
  isHealthy: z.boolean(),
  checks: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z]+\.[a-z-]+$/),
      status: z.enum(['ok', 'warning', 'error']),
      message: z.string().min(1),
      remedy: z.string().nullable(),
      isRepaired: z.literal(false),
    }),
  ),
});

describe('--json', () => {
  let darkroom: DarkroomHost;
  let guest: Guest;
  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    guest = await defineBootsectorGuest();
    await startDomain(guest);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('prints the image that was made as one document, and progress and warnings as JSON lines', async () => {
    const result = await darkroom.run(['image', 'create', guest.name, '--name', 'shape', '--json']);
    expect(result.exitCode).toBe(0);
    const image = imageShape.parse(result.json());
    expect(await darkroom.json(['image', 'show', 'shape'])).toEqual(image);
    expect(await darkroom.json(['image', 'list'])).toEqual([image]);
    const lines = result.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(result.jsonLines().length);
    // which of its quick steps are seen is a matter of luck; that some is, is not
    expect(result.jsonLines()).toContainEqual({
      operation: expect.any(String),
      kind: 'image.create',
      status: 'running',
      step: expect.any(String),
      progress: null,
    });
    expect(result.jsonLines()).toContainEqual({ warning: expect.stringContaining('Paused instead of quiesced') });
  });

  it('has every field of an instance and a volume', async () => {
    const instance = instanceShape.parse(await darkroom.json(['instance', 'show', guest.name]));
    expect(instance).toMatchObject({ id: guest.uuid, name: guest.name, disks: [{ path: `${guest.folder}/vda.raw` }] });
    const all = z.array(z.looseObject({ id })).parse(await darkroom.json(['instance', 'list']));
    expect(all.find((each) => each.id === guest.uuid)).toEqual(instance);
    const list = await darkroom.json(['volume', 'list', '--instance', guest.uuid]);
    const [volume] = z.tuple([volumeShape]).parse(list);
    expect(volume).toMatchObject({ instance: guest.uuid, instanceName: guest.name, path: `${guest.folder}/vda.raw` });
    expect(await darkroom.json(['volume', 'show', volume.id])).toEqual(volume);
  });

  it('has every field of an operation, with its timings', async () => {
    await capture(darkroom, guest, ['--name', 'timed']);
    const [operation] = z.array(operationShape).parse(await darkroom.json(['operation', 'list']));
    expect(Object.keys(operation?.timings ?? {})).toEqual(expect.arrayContaining(['copyMs', 'commitMs', 'totalMs']));
    expect(await darkroom.json(['operation', 'show', operation?.id ?? ''])).toEqual(operation);
    expect(await darkroom.json(['operation', 'watch', operation?.id ?? ''])).toEqual(operation);
    expect(await darkroom.json(['operation', 'list', '--status', 'failed'])).toEqual([]);
  });

  it('has every field of the doctor', async () => {
    const { stdout } = await darkroom.run(['doctor', '--json']);
    const { checks } = doctorShape.parse(JSON.parse(stdout));
    expect(checks.length).toBeGreaterThan(8);
    for (const check of checks) expect(check.remedy === null, check.id).toBe(check.status === 'ok');
  });

  it('prints a failure as one JSON line on stderr and nothing on stdout', async () => {
    const { exitCode, stdout, stderr } = await darkroom.run(['image', 'show', 'none', '--json']);
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'IMAGE_NOT_FOUND', message: expect.any(String), fields: expect.any(Object) },
    });
  });

  it('draws a bar on a terminal, and plain lines elsewhere', async () => {
    const plain = await darkroom.run(['image', 'create', guest.name, '--name', 'plain']);
    for (const steering of ['\u001b', '\r']) expect(plain.stderr).not.toContain(steering);
    expect(plain.stderr).toMatch(new RegExp(`^${guest.name}: verify .* \\(100%\\)$`, 'm'));
    expect(plain.stdout).toMatch(/^image plain \([0-9a-f-]{36}\): .*consistency paused/);
    const command = `'${process.execPath}' dist/cli/main.js image create ${guest.name} --name bar --state-dir '${darkroom.stateDir}' --store '${darkroom.store}'`;
    const drawn = await tryCommand('script', ['-qec', command, '/dev/null'], { env: { TERM: 'xterm' } });
    expect(drawn.exitCode).toBe(0);
    expect(drawn.stdout).toContain('\u001b[');
    expect(drawn.stdout).toContain('image bar (');
  });
});
