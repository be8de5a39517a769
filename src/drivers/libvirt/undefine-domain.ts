import type { UndefineOptions } from '../../model/ports/hypervisor.ts';
import { ERROR_CODE, LibvirtError } from './binding/libvirt-error.ts';
import { UNDEFINE } from './binding/undefine-flags.ts';
import type { Caller } from './caller.ts';
import { readKeepsakes } from './read-xml.ts';
import { translateError } from './translate-error.ts';

const METADATA_FLAGS = UNDEFINE.managedSave | UNDEFINE.snapshotsMetadata | UNDEFINE.checkpointsMetadata;
const NVRAM_FLAG = { remove: UNDEFINE.nvram, keep: UNDEFINE.keepNvram };
const TPM_FLAG = { remove: UNDEFINE.tpm, keep: UNDEFINE.keepTpm };

/** Undefines with all that libvirt keeps for the domain; says what becomes of NVRAM and TPM state only where it has them. */
export async function undefineDomain(caller: Caller, uuid: string, options: UndefineOptions): Promise<void> {
  const subject = { uuid, task: 'undefine the domain' };
  const xml = await caller.call('getDomainXml', { uuid, isInactive: true, isSecure: false }, subject);
  const flags = undefineFlags(xml, options);
  try {
    await caller.callRaw('undefineDomain', { uuid, flags });
  } catch (error) {
    if (!isUnknownFlag(error) || flags !== METADATA_FLAGS) throw translateError(error, { uri: caller.uri, ...subject });
    // a driver without managed save, snapshots or checkpoints
    await caller.call('undefineDomain', { uuid, flags: 0 }, subject);
  }
}

/** libvirt before 8.9 knows no TPM flags, the test driver none for NVRAM: pass only what the domain needs. */
export function undefineFlags(xml: string, { nvram, tpm }: UndefineOptions): number {
  const { hasNvram, hasTpm } = readKeepsakes(xml);
  return METADATA_FLAGS | (hasNvram ? NVRAM_FLAG[nvram] : 0) | (hasTpm ? TPM_FLAG[tpm] : 0);
}

function isUnknownFlag(error: unknown): boolean {
  return error instanceof LibvirtError && error.code === ERROR_CODE.invalidArg;
}
