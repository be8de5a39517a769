import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from './support/captures.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { expectToGoOn, type GuestMemory, readMemory, startTicking } from './support/guest-memory.ts';
import { readDefinition } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { expectNotShelved, expectOffloaded, shelve, showInstance, unshelve } from './support/shelf.ts';
import { createTestFolder, type TestFolder } from './support/test-folder.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainState, onDomain } from './support/virsh.ts';

describe('shelving with memory', () => {
  let darkroom: DarkroomHost;
  let tools: TestFolder;
  let guest: Guest;
  let memory: GuestMemory;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    tools = await createTestFolder();
    await writeEmulator('goes on');
    guest = await bootTinyGuest({
      extraDevices: `<emulator>${emulator()}</emulator>`,
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', sizeMiB: 64 },
      ],
    });
    await startTicking(guest);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await tools?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('row 53: a running guest goes on exactly where it was', async () => {
    memory = await readMemory(guest);
    const before = await readDefinition(guest);
    await shelve(darkroom, guest.name, ['--keep-memory']);
    await expectOffloaded(darkroom, guest);
    expect(await unshelve(darkroom, guest.name)).toMatchObject({ state: 'active' });
    await expectNotShelved(darkroom, guest);
    expect(await readDefinition(guest)).toEqual(before);
    await waitForAgent(guest);
    await expectToGoOn(guest, memory);
  });

  it('row 53: a paused guest is paused again, and goes on when it is resumed', async () => {
    memory = await readMemory(guest);
    await onDomain(guest, 'suspend');
    await shelve(darkroom, guest.name, ['--keep-memory']);
    await expectOffloaded(darkroom, guest);
    expect(await unshelve(darkroom, guest.name)).toMatchObject({ state: 'paused' });
    await expectNotShelved(darkroom, guest);
    await darkroom.json(['instance', 'resume', guest.name]);
    await waitForAgent(guest);
    await expectToGoOn(guest, memory);
  });

  it('row 47: stays shelved where its memory cannot be taken up, names --cold, and starts afresh with it', async () => {
    memory = await readMemory(guest);
    await guest.writeFile('/kept', 'kept\n');
    await shelve(darkroom, guest.name, ['--keep-memory']);
    await writeEmulator('refuses');
    const args = ['instance', 'unshelve', guest.name];
    const message = await expectRefusal(darkroom, args, { exitCode: 6, code: 'LIBVIRT_FAILED' });
    expect(message).toContain('--cold');
    await expectOffloaded(darkroom, guest);
    expect(await showInstance(darkroom, guest.name)).toMatchObject({ state: 'shelved_offloaded' });
    expect(await unshelve(darkroom, guest.name, ['--cold'])).toMatchObject({ state: 'active' });
    await expectNotShelved(darkroom, guest);
    expect(await domainState(guest)).toBe('running');
    await waitForAgent(guest);
    expect(await guest.readFile('/kept')).toBe('kept\n');
    expect((await guest.readFile('/proc/sys/kernel/random/boot_id')).trim()).not.toBe(memory.bootId);
  });

  function emulator(): string {
    return path.join(tools.path, 'qemu');
  }

  /** QEMU by a program that may refuse to take up saved memory, as on a host whose CPU lacks something. */
  async function writeEmulator(kind: 'goes on' | 'refuses'): Promise<void> {
    const refusal = `case " $* " in *" -incoming "*) echo "qemu: this host lacks the CPU feature" >&2; exit 1;; esac`;
    await writeFile(
      emulator(),
      `#!/bin/sh\n${kind === 'refuses' ? refusal : ''}\nexec /usr/bin/qemu-system-x86_64 "$@"\n`,
    );
    await chmod(emulator(), 0o755);
  }
});
