import * as domain from '../binding/domain.ts';
import * as block from '../binding/domain-block.ts';
import * as snapshot from '../binding/domain-snapshot.ts';
import type { Pointer } from '../binding/library.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

interface DiskArgs extends DomainArgs {
  readonly disk: string;
}

const { diskOnly, atomic, noMetadata, reuseExt } = snapshot.SNAPSHOT_CREATE;

export const blockCalls = {
  createDiskSnapshot(connection: Pointer, { uuid, xml }: DomainArgs & { readonly xml: string }): void {
    const flags = diskOnly | atomic | noMetadata | reuseExt;
    withDomain(connection, uuid, (object) => snapshot.free(snapshot.createXML(object, xml, flags)));
  },

  countInternalSnapshots(connection: Pointer, { uuid }: DomainArgs): number {
    return withDomain(connection, uuid, (object) => snapshot.num(object, snapshot.SNAPSHOT_LIST.internal));
  },

  /** The job, and the live XML that was read after it: only that says whether a mirror is ready. */
  getBlockJob(connection: Pointer, { uuid, disk }: DiskArgs): { job: block.BlockJobInfo; xml: string } | null {
    return withDomain(connection, uuid, (object) => {
      const job = block.getBlockJobInfo(object, disk);
      return job === null ? null : { job, xml: domain.getXMLDesc(object, 0) };
    });
  },

  startActiveCommit(connection: Pointer, { uuid, ...commit }: DomainArgs & block.BlockCommit): void {
    const flags = block.BLOCK_COMMIT.active | block.BLOCK_COMMIT.bandwidthBytes;
    withDomain(connection, uuid, (object) => block.blockCommit(object, commit, flags));
  },

  setBlockJobSpeed(connection: Pointer, { uuid, disk, bandwidth }: DiskArgs & { readonly bandwidth: number }): void {
    withDomain(connection, uuid, (object) =>
      block.blockJobSetSpeed(object, { disk, bandwidth }, block.BLOCK_JOB_SPEED.bandwidthBytes),
    );
  },

  pivotBlockJob(connection: Pointer, { uuid, disk }: DiskArgs): void {
    withDomain(connection, uuid, (object) => block.blockJobAbort(object, disk, block.BLOCK_JOB_ABORT.pivot));
  },

  abortBlockJob(connection: Pointer, { uuid, disk }: DiskArgs): void {
    withDomain(connection, uuid, (object) => block.blockJobAbort(object, disk, 0));
  },
};
