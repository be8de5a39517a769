import { type DomainDescription, describeDomain } from '../../../../model/domain-xml/describe-domain.ts';
import { withoutDisplayPasswords } from '../../../../model/domain-xml/graphics-secrets.ts';
import { sanitiseDomain } from '../../../../model/domain-xml/sanitise-domain.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import { mayChangeSnapshot } from '../../../../model/snapshot/access.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { Core } from '../../../support/context.ts';

/** The machine that an image is launched as. */
export interface SnapshotMachine {
  /** Without what reaches into a host: the definition may have come with an import. */
  readonly xml: string;
  readonly description: DomainDescription;
  /** The volume is what the machine starts from. */
  readonly isRoot: boolean;
  /** Volumes of the machine that are not in the snapshot. */
  readonly otherVolumes: readonly string[];
  /** What was taken out. */
  readonly dropped: readonly string[];
}

/** SNAPSHOT_STATE where the definition does not know the snapshot's disk; IMAGE_REJECTED where it is none of a kind that is launched. */
export function designMachine(core: Core, snapshot: SnapshotRecord, domainXml: string): SnapshotMachine {
  const { xml, dropped } = sanitiseDomain(domainXml);
  // of who is only shown the snapshot, its owner's passwords are no business
  const kept = mayChangeSnapshot(core.caller, snapshot) ? xml : withoutDisplayPasswords(xml);
  const description = describeDomain(kept);
  const volumes = description.disks.filter(({ device }) => device === 'disk').map(({ target }) => target);
  if (!volumes.includes(snapshot.target)) throw unknownDisk(snapshot);
  return {
    xml: kept,
    description,
    isRoot: volumes[0] === snapshot.target,
    otherVolumes: volumes.filter((target) => target !== snapshot.target),
    dropped,
  };
}

function unknownDisk({ id, target }: SnapshotRecord): DarkroomError {
  return new DarkroomError(
    'SNAPSHOT_STATE',
    `The definition that was kept with the snapshot ${id} has no disk ${target}, so that no machine can be made of it.`,
    { fields: { snapshotId: id, target } },
  );
}
