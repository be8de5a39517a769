import { CommandCancelled, CommandFailed, CommandMissing } from '../../lib/command-errors.ts';
import { runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { Generalizer } from '../../model/ports/host.ts';

type Disks = Parameters<Generalizer['generalize']>[0];

export interface GeneralizerOptions {
  /** `auto`: KVM where it works, emulation where the helper system does not come up with it. */
  readonly acceleration?: 'auto' | 'tcg';
}

const TOOL = 'virt-sysprep';

/** Customising would write a new machine-id into every image, the same for all that are launched from it. */
const OPERATIONS = 'defaults,-customize';
const VERSION_TIMEOUT_MS = 60_000;

/**
 * virt-sysprep with its default operations: machine-id, ssh host keys, DHCP leases, logs, mail, shell histories and
 * more (https://libguestfs.org/virt-sysprep.1.html). It starts a small helper system in QEMU, without libvirt and
 * without network (https://libguestfs.org/guestfs.3.html, LIBGUESTFS_BACKEND); its cached files (about 400 MB) go to
 * LIBGUESTFS_CACHEDIR, else TMPDIR, else /var/tmp. TOOL_MISSING, GENERALIZE_FAILED, CANCELLED; disks may be half changed
 * after the last two.
 */
export function createGeneralizer({ acceleration = 'auto' }: GeneralizerOptions = {}): Generalizer {
  let isEmulated = acceleration === 'tcg';
  return {
    assertAvailable,
    async generalize(disks, signal) {
      try {
        await runSysprep(disks, { isEmulated, ...(signal && { signal }) });
      } catch (error) {
        if (isEmulated || !isLaunchFailure(error)) throw translateFailure(error, disks);
        // /dev/kvm can be there and yet not run an ordinary kernel. No disk was changed before the launch.
        isEmulated = true;
        await runEmulated(disks, signal);
      }
    },
  };
}

async function assertAvailable(): Promise<void> {
  try {
    await runCommand({ file: TOOL, args: ['--version'], timeoutMs: VERSION_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof CommandMissing) throw toolMissing(error);
    const seen = error instanceof Error ? error.message : String(error);
    throw new DarkroomError('TOOL_MISSING', `${TOOL} is installed but cannot be run: ${seen}`, { cause: error });
  }
}

async function runEmulated(disks: Disks, signal?: AbortSignal): Promise<void> {
  try {
    await runSysprep(disks, { isEmulated: true, ...(signal && { signal }) });
  } catch (error) {
    throw translateFailure(error, disks);
  }
}

async function runSysprep(
  disks: Disks,
  { isEmulated, signal }: { readonly isEmulated: boolean; readonly signal?: AbortSignal },
): Promise<void> {
  const args = [
    '--quiet',
    '--no-network',
    '--operations',
    OPERATIONS,
    ...disks.flatMap(({ path, format }) => ['--format', format, '-a', path]),
  ];
  const env = {
    LIBGUESTFS_BACKEND: 'direct',
    LIBGUESTFS_CACHEDIR: process.env['LIBGUESTFS_CACHEDIR'] ?? process.env['TMPDIR'] ?? '/var/tmp',
    ...(isEmulated ? { LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' } : {}),
  };
  await runCommand({ file: TOOL, args, env, ...(signal && { signal }) });
}

function isLaunchFailure(error: unknown): boolean {
  return error instanceof CommandFailed && error.stderr.includes('guestfs_launch failed');
}

function translateFailure(error: unknown, disks: Disks): unknown {
  const path = disks[0]?.path ?? 'no disk';
  if (error instanceof CommandMissing) return toolMissing(error);
  if (error instanceof CommandCancelled) {
    return new DarkroomError('CANCELLED', `generalizing ${path} was cancelled`, { fields: { path }, cause: error });
  }
  if (!(error instanceof CommandFailed)) return error;
  const message = `${path} could not be generalized: ${describeFailure(error.stderr)}`;
  return new DarkroomError('GENERALIZE_FAILED', message, { fields: { path }, cause: error });
}

function describeFailure(stderr: string): string {
  if (stderr.includes('no operating systems were found')) {
    return `${TOOL} knows no operating system on it; make the image without --generalize`;
  }
  if (stderr.includes('guestfs_launch failed')) {
    return `${TOOL} could not start its helper system; libguestfs-test-tool says why (a kernel in /boot is needed)`;
  }
  return (
    stderr
      .split('\n')
      .find((line) => line.includes('error:'))
      ?.trim() ?? stderr.trim()
  );
}

function toolMissing(cause: Error): DarkroomError {
  return new DarkroomError(
    'TOOL_MISSING',
    `${TOOL} is not installed: install libguestfs-tools (guestfs-tools elsewhere)`,
    {
      cause,
    },
  );
}
