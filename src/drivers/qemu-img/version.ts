import { DarkroomError } from '../../model/errors.ts';
import { METADATA_TIMEOUT_MS, runQemuImg } from './run-qemu-img.ts';

/** `qemu-img --version`: dotted, such as 7.2.22. */
export async function readVersion(): Promise<string> {
  const { stdout } = await runQemuImg('--version', [], { on: 'this host', timeoutMs: METADATA_TIMEOUT_MS });
  const version = /^qemu-img version (\d+(?:\.\d+)+)/.exec(stdout)?.[1];
  if (version !== undefined) return version;
  throw new DarkroomError('QEMU_IMG_FAILED', `qemu-img --version printed no version: ${stdout.slice(0, 80)}`, {
    fields: { subcommand: '--version', exitCode: 0 },
  });
}
