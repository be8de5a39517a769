import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { RequestedConsistency } from '../../../src/model/consistency.ts';
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

/** The calls that a capture makes, in order, with the step that each journal entry began. */
export async function recordCapture(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob,
): Promise<readonly CaptureFact[]> {
  const capture = startHarness(host, guest, { ...job, mode: 'record' });
  await capture.process.ended;
  const facts = capture.facts();
  if (facts.at(-1)?.operation?.status === 'succeeded') return facts;
  throw new Error(`the capture that was to be recorded failed: ${describeEnd(capture)}`);
}

/** A capture that dies by SIGKILL at its point. */
export async function captureAndDie(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob & { readonly at: CallPoint },
): Promise<readonly CaptureFact[]> {
  const capture = startHarness(host, guest, { ...job, mode: 'die' });
  const { exitCode } = await capture.process.ended;
  if (exitCode === 137) return capture.facts();
  throw new Error(`the capture never came to ${JSON.stringify(job.at)}: ${describeEnd(capture)}`);
}

/** A capture that stops at its point until it is released. */
export function holdCapture(
  host: DarkroomHost,
  guest: Guest,
  job: CaptureJob & { readonly at: CallPoint },
): HarnessCapture {
  return startHarness(host, guest, { ...job, mode: 'hold' });
}

function startHarness(
  host: DarkroomHost,
  guest: Guest,
  { env, ...job }: CaptureJob & { readonly mode: 'record' | 'die' | 'hold' },
): HarnessCapture {
  const running = startCommand(process.execPath, [HARNESS, JSON.stringify({ ...job, instance: guest.name })], {
    env: { ...environmentOf(host, guest), ...env },
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

function environmentOf(host: DarkroomHost, guest: Guest): Record<string, string> {
  return {
    DARKROOM_CONNECT: guest.uri,
    DARKROOM_STATE_DIR: host.stateDir,
    DARKROOM_STORE: host.store,
    DARKROOM_INSTANCES_DIR: host.instancesDir,
    DARKROOM_OVERLAY_DIR: path.join(host.folder, 'overlays'),
    DARKROOM_SOCKET: path.join(host.folder, 'agent.sock'),
  };
}

function parseFacts(stdout: string): readonly CaptureFact[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => factSchema.parse(JSON.parse(line)));
}

function describeEnd({ process: { output } }: HarnessCapture): string {
  return `${output.stdout.split('\n').slice(-3).join(' ')} ${output.stderr.slice(-500)}`;
}
