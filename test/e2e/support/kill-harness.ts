import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { RequestedConsistency } from '../../../src/model/consistency.ts';
import type { OperationRequest } from '../../../src/model/requests.ts';
import { type RunningCommand, startCommand } from './run-command.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import type { Guest } from './tiny-guest.ts';
import { waitUntil } from './wait-until.ts';

const HARNESS = fileURLToPath(new URL('./kill-harness.mjs', import.meta.url));

/** A call of the application that changes the world, by port and method. */
export interface CallPoint {
  readonly call: string;
  /** Which of these calls, from 1. */
  readonly nth: number;
  /** during: while libvirt or qemu-img still works on it. */
  readonly when: 'before' | 'during' | 'after';
  readonly afterMs?: number;
}

export interface CaptureJob {
  readonly name: string;
  readonly consistency?: RequestedConsistency;
  readonly at?: CallPoint;
  /** How many times faster than real its patience ends. */
  readonly hurry?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const factSchema = z.object({
  call: z.string().optional(),
  nth: z.number().optional(),
  step: z.string().optional(),
  submitted: z.string().optional(),
  /** Of all operations, when what others left was recovered. */
  newest: z.object({ status: z.string(), endedAt: z.string().nullable() }).nullable().optional(),
  operation: z
    .object({
      id: z.string(),
      status: z.string(),
      step: z.string(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
      warnings: z.array(z.string()),
    })
    .optional(),
  refused: z.object({ code: z.string().nullable(), message: z.string() }).optional(),
});
export type CaptureFact = z.infer<typeof factSchema>;

export interface HarnessCapture {
  readonly process: RunningCommand;
  facts(): readonly CaptureFact[];
  /** Waits until it stands at its point. */
  held(): Promise<void>;
  /** Lets it go on. */
  release(): void;
}

/** A request of another kind than a capture, as Darkroom's operations take it. */
export interface RequestJob {
  readonly request: OperationRequest;
  readonly at?: CallPoint;
  readonly env?: Readonly<Record<string, string>>;
  /** It recovers what others left, and then waits before it begins. */
  readonly isHeldFirst?: boolean;
  /** Its point is one of that recovery. */
  readonly isInRecovery?: boolean;
  /** How many times faster than real its patience ends. */
  readonly hurry?: number;
}

/** The calls that an operation makes, in order. */
export async function recordRequest(host: DarkroomHost, uri: string, job: RequestJob): Promise<readonly CaptureFact[]> {
  return requireSuccess(startHarness(host, uri, { ...job, mode: 'record' }));
}

/** An operation that dies by SIGKILL at its point. */
export async function requestAndDie(
  host: DarkroomHost,
  uri: string,
  job: RequestJob & { readonly at: CallPoint },
): Promise<readonly CaptureFact[]> {
  return requireDeath(startHarness(host, uri, { ...job, mode: 'die' }), job.at);
}

/** As requestAndDie; what others left behind is recovered by the same process, and `meanwhile` looks at that before it begins. */
export async function recoverAndDie(
  host: DarkroomHost,
  uri: string,
  job: RequestJob & { readonly at: CallPoint },
  meanwhile: (facts: readonly CaptureFact[]) => Promise<void>,
): Promise<readonly CaptureFact[]> {
  const running = startHarness(host, uri, { ...job, isHeldFirst: true, mode: 'die' });
  const hasRecovered = async (): Promise<boolean> => running.process.output.stdout.includes('{"recovered":');
  const recovered = waitUntil('the recovery is done', hasRecovered, { timeoutMs: 120_000, intervalMs: 20 });
  try {
    await Promise.race([recovered, endedEarly(running.process)]);
    await meanwhile(running.facts());
  } finally {
    running.release();
  }
  return requireDeath(running, job.at);
}

/** An operation that stops at its point until it is released. */
export function holdRequest(
  host: DarkroomHost,
  uri: string,
  job: RequestJob & { readonly at: CallPoint },
): HarnessCapture {
  return startHarness(host, uri, { ...job, mode: 'hold' });
}

/** The calls that a capture makes, in order, with the step that each journal entry began. */
export async function recordCapture(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob,
): Promise<readonly CaptureFact[]> {
  return requireSuccess(startHarness(host, guest.uri, { ...captureRequest(guest, job), mode: 'record' }));
}

async function requireSuccess(capture: HarnessCapture): Promise<readonly CaptureFact[]> {
  await capture.process.ended;
  const facts = capture.facts();
  if (facts.at(-1)?.operation?.status === 'succeeded') return facts;
  throw new Error(`the operation that was to be recorded failed: ${describeEnd(capture)}`);
}

/** A capture that dies by SIGKILL at its point. */
export async function captureAndDie(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob & { readonly at: CallPoint },
): Promise<readonly CaptureFact[]> {
  return requireDeath(startHarness(host, guest.uri, { ...captureRequest(guest, job), mode: 'die' }), job.at);
}

async function requireDeath(capture: HarnessCapture, at: CallPoint): Promise<readonly CaptureFact[]> {
  const { exitCode } = await capture.process.ended;
  if (exitCode === 137) return capture.facts();
  throw new Error(`the operation never came to ${JSON.stringify(at)}: ${describeEnd(capture)}`);
}

/** A capture that stops at its point until it is released. */
export function holdCapture(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob & { readonly at: CallPoint },
): HarnessCapture {
  return startHarness(host, guest.uri, { ...captureRequest(guest, job), mode: 'hold' });
}

/** A capture, for what takes any request. */
export function captureRequest(guest: Guest, { name, consistency, ...job }: CaptureJob): RequestJob {
  const request = {
    kind: 'image.create',
    instance: guest.name,
    name,
    description: null,
    consistency: consistency ?? 'auto',
    properties: {},
    isGeneralized: false,
    isEncrypted: false,
  } as const;
  return { ...job, request };
}

function startHarness(
  host: DarkroomHost,
  uri: string,
  { env, ...job }: RequestJob & { readonly mode: 'record' | 'die' | 'hold' },
): HarnessCapture {
  const running = startCommand(process.execPath, [HARNESS, JSON.stringify(job)], {
    env: { ...environmentOf(host, uri), ...env },
  });
  return {
    process: running,
    facts: () => parseFacts(running.output.stdout),
    held: () => Promise.race([isHeld(running), endedEarly(running)]),
    release: () => running.kill('SIGUSR2'),
  };
}

function isHeld({ output }: RunningCommand): Promise<void> {
  return waitUntil('the capture is held', async () => output.stdout.includes('{"met":'), { timeoutMs: 60_000 });
}

async function endedEarly({ ended }: RunningCommand): Promise<never> {
  const { stdout, stderr } = await ended;
  throw new Error(`the capture ended before its point: ${stdout.slice(-500)} ${stderr.slice(-500)}`);
}

function environmentOf(host: DarkroomHost, uri: string): Record<string, string> {
  return {
    DARKROOM_CONNECT: uri,
    DARKROOM_STATE_DIR: host.stateDir,
    DARKROOM_STORE: host.store,
    DARKROOM_INSTANCES_DIR: host.instancesDir,
    DARKROOM_OVERLAY_DIR: path.join(host.folder, 'overlays'),
    DARKROOM_CACHE_DIR: path.join(host.folder, 'cache'),
    DARKROOM_SOCKET: path.join(host.folder, 'agent.sock'),
    DARKROOM_RECYCLE_DAYS: '0',
  };
}

function parseFacts(stdout: string): readonly CaptureFact[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => factSchema.parse(JSON.parse(line)));
}

function describeEnd({ process: { output } }: HarnessCapture): string {
  return `${output.stdout.split('\n').slice(-3).join(' ')} ${output.stderr.slice(-500)}`;
}
