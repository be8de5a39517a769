import path from 'node:path';
import type { DomainDescription } from '../../../model/domain-xml/describe-domain.ts';
import type { Core } from '../../support/context.ts';

const MAX_NVRAM_BYTES = 64 * 1024 ** 2;
const MAX_TPM_FILE_BYTES = 4 * 1024 ** 2;

/** Where libvirt keeps the state of emulated TPMs; the folder is named by the domain's UUID. */
export const SWTPM_ROOT = '/var/lib/libvirt/swtpm';

/** What a machine remembers outside its disks, held in memory so that no target is waited for in the frozen window. */
export interface FirmwareState {
  readonly nvram: Uint8Array | null;
  /** By path below the TPM's folder, such as `tpm2/tpm2-00.permall`. */
  readonly tpm: ReadonlyMap<string, Uint8Array>;
}

export async function readFirmware(core: Core, domain: DomainDescription): Promise<FirmwareState> {
  return { nvram: await readNvram(core, domain), tpm: await readTpm(core, domain) };
}

/** A UEFI guest that was never started has no variables yet. */
async function readNvram(core: Core, { nvramPath }: DomainDescription): Promise<Uint8Array | null> {
  if (nvramPath === null || (await core.files.stat(nvramPath)) === null) return null;
  return core.files.readBytes(nvramPath, { maxBytes: MAX_NVRAM_BYTES });
}

async function readTpm(core: Core, domain: DomainDescription): Promise<Map<string, Uint8Array>> {
  const state = new Map<string, Uint8Array>();
  if (!domain.hasTpm) return state;
  const root = path.join(SWTPM_ROOT, domain.uuid);
  for (const version of await core.files.list(root)) {
    for (const file of await core.files.list(path.join(root, version))) {
      const source = path.join(root, version, file);
      const stat = await core.files.stat(source);
      // lock files belong to the running emulator, not to its state
      if (stat?.kind !== 'file' || file.startsWith('.')) continue;
      state.set(`${version}/${file}`, await core.files.readBytes(source, { maxBytes: MAX_TPM_FILE_BYTES }));
    }
  }
  return state;
}
