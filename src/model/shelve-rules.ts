import { parseXml, rootElement, selectElements } from './domain-xml/xml.ts';
import { DarkroomError } from './errors.ts';
import type { ShelvedInstance } from './shelved-instance.ts';

/** What ties a machine to its host so that it could not come back whole, and what to say of it. */
const TIES = [
  ['./devices/hostdev', 'has a device of its host (hostdev)'],
  ["./devices/interface[@type='hostdev']", 'has a network card of its host'],
  ["./devices/memory[@model='nvdimm' or @model='virtio-pmem']", 'keeps memory in a file of its host'],
  ["./devices/tpm/backend[@type!='emulator']", 'has a TPM of its host'],
  ['./devices/tpm/backend/encryption', 'has a TPM whose state is encrypted with a secret of its host'],
  ['./devices/tpm/backend/source', 'keeps the state of its TPM in a place of its own'],
  ['./devices/disk[shareable]', 'shares a disk with other machines'],
  ["./devices/disk[@type='block']", 'has a disk that is a block device of its host'],
] as const;

/** INSTANCE_UNSUPPORTED for a machine that a shelf cannot hold whole. */
export function requireShelvable(xml: string, subject: { readonly id: string; readonly name: string }): void {
  const root = rootElement(parseXml(xml));
  const tie = TIES.find(([path]) => selectElements(path, root).length > 0);
  if (tie === undefined) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `The instance ${subject.name} cannot be shelved: it ${tie[1]}, which no other host could give it back. Detach that first.`,
    { fields: { instanceId: subject.id } },
  );
}

export interface OffloadPolicy {
  readonly hostName: string;
  /** How long a shelved instance stays on its host; 0: not at all; null: for ever. */
  readonly offloadTimeMs: number | null;
}

/**
 * When a shelved instance leaves its host by itself; null: never. With 0 every shelve offloads at once, and what is still there
 * was asked to stay. A clock that was set back puts it off, which loses nothing.
 */
export function offloadDueAt(
  record: Pick<ShelvedInstance, 'state' | 'host' | 'shelvedAt'>,
  { hostName, offloadTimeMs }: OffloadPolicy,
): Date | null {
  if (record.state !== 'shelved' || record.host !== hostName) return null;
  if (offloadTimeMs === null || offloadTimeMs === 0) return null;
  return new Date(Date.parse(record.shelvedAt) + offloadTimeMs);
}
