import { describe, expect, it } from 'vitest';
import { translateFailure } from '../../../../src/drivers/qemu-img/translate-failure.ts';
import {
  CommandCancelled,
  CommandFailed,
  CommandMissing,
  CommandTimedOut,
} from '../../../../src/lib/command-errors.ts';

const work = { what: 'qemu-img convert', subcommand: 'convert', disk: '/d' };
const failed = (stderr: string) =>
  new CommandFailed({ file: 'qemu-img', args: ['convert'] }, { exitCode: 1, signal: null, stderr });

describe('translateFailure', () => {
  it.each([
    ['QEMU_IMG_FAILED', failed('qemu-img: boom\n')],
    ['NO_SPACE', failed('qemu-img: error while writing at byte 1: No space left on device\n')],
    ['NO_SPACE', failed('qemu-img: error while writing at byte 1: Disk quota exceeded\n')],
    ['ENCRYPTION_KEY_WRONG', failed("qemu-img: Could not open 'a': Invalid password, cannot unlock any keyslot\n")],
    [
      'ENCRYPTION_KEY_MISSING',
      failed("qemu-img: Could not open 'a': Parameter 'encrypt.key-secret' is required for cipher\n"),
    ],
    ['TOOL_MISSING', new CommandMissing('qemu-img')],
    ['CANCELLED', new CommandCancelled('qemu-img')],
    ['QEMU_IMG_FAILED', new CommandTimedOut('qemu-img', 120_000)],
  ])('makes %s of %s', (code, cause) => {
    expect(translateFailure(cause, work)).toMatchObject({ code, cause });
  });

  it('tells subcommand, exit code and what was seen', () => {
    const error = translateFailure(failed('qemu-img: one\nqemu-img: two\n'), work);
    expect(error).toMatchObject({
      message: 'qemu-img convert on /d failed: qemu-img: one; qemu-img: two',
      fields: { subcommand: 'convert', exitCode: 1, disk: '/d' },
    });
  });

  it('leaves what it does not know', () => {
    const fault = new TypeError('ours');
    expect(translateFailure(fault, work)).toBe(fault);
  });
});
