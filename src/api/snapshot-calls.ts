import { z } from 'zod';
import type { Operation } from '../model/operation.ts';
import type { SnapshotLink } from '../model/snapshot/chain-link.ts';
import type { SnapshotFilter } from '../model/snapshot/requests.ts';
import type { Snapshot, SnapshotDeletion } from '../model/snapshot/snapshot.ts';
import { call } from './call.ts';
import { API_ROOT, collectionPath, itemPath } from './paths.ts';
import {
  type CopySnapshotBody,
  type CreateSnapshotBody,
  type MountSnapshotBody,
  type ShareSnapshotBody,
  type SnapshotFileBody,
  snapshotDeletionSchema,
  snapshotLinkSchema,
  snapshotSchema,
  type VerifySnapshotBody,
} from './schemas/snapshots.ts';
import { post, read, type SubmitOptions, submit } from './send.ts';
import type { Transport } from './transport.ts';

export interface SnapshotCalls {
  create(body: CreateSnapshotBody, options?: SubmitOptions): Promise<Operation>;
  /** Oldest first. */
  list(filter?: SnapshotFilter): Promise<readonly Snapshot[]>;
  show(snapshot: string): Promise<Snapshot>;
  /** From the one that stands alone to itself, then its children. */
  showChain(snapshot: string): Promise<readonly SnapshotLink[]>;
  /** What a delete would do; nothing is done. */
  planDelete(snapshot: string): Promise<SnapshotDeletion>;
  delete(snapshot: string, options?: SubmitOptions): Promise<Operation>;
  restore(snapshot: string, options?: SubmitOptions): Promise<Operation>;
  verify(snapshot: string, body: VerifySnapshotBody, options?: SubmitOptions): Promise<Operation>;
  export(snapshot: string, body: SnapshotFileBody, options?: SubmitOptions): Promise<Operation>;
  import(body: SnapshotFileBody, options?: SubmitOptions): Promise<Operation>;
  copy(snapshot: string, body: CopySnapshotBody, options?: SubmitOptions): Promise<Operation>;
  /** Goes on until it is cancelled. */
  mount(snapshot: string, body: MountSnapshotBody, options?: SubmitOptions): Promise<Operation>;
  share(snapshot: string, principal: string, body?: ShareSnapshotBody): Promise<Snapshot>;
  unshare(snapshot: string, principal: string): Promise<Snapshot>;
}

interface Work extends SubmitOptions {
  readonly verb: string;
  readonly body?: unknown;
}

export function snapshotCalls(transport: Transport): SnapshotCalls {
  const work = async (snapshot: string, { verb, body, ...options }: Work) =>
    submit(transport, post(itemPath('snapshots', snapshot, { verb }), body), options);
  return {
    ...recordCalls(transport),
    create: (body, options) => submit(transport, post(collectionPath('snapshots'), body), options),
    delete: async (snapshot, options) =>
      submit(transport, { method: 'DELETE', path: itemPath('snapshots', snapshot) }, options),
    restore: (snapshot, options) => work(snapshot, { verb: 'restore', ...options }),
    verify: (snapshot, body, options) => work(snapshot, { verb: 'verify', body, ...options }),
    export: (snapshot, body, options) => work(snapshot, { verb: 'export', body, ...options }),
    import: (body, options) => submit(transport, post(`${API_ROOT}/snapshots/import`, body), options),
    copy: (snapshot, body, options) => work(snapshot, { verb: 'copy', body, ...options }),
    mount: (snapshot, body, options) => work(snapshot, { verb: 'mount', body, ...options }),
  };
}

type RecordCalls = Pick<SnapshotCalls, 'list' | 'show' | 'showChain' | 'planDelete' | 'share' | 'unshare'>;

function recordCalls(transport: Transport): RecordCalls {
  const sharePath = (snapshot: string, principal: string) =>
    itemPath('snapshots', snapshot, { verb: 'shares', name: principal });
  return {
    list: (filter) => read(transport, collectionPath('snapshots', { ...filter }), z.array(snapshotSchema)),
    show: async (snapshot) => read(transport, itemPath('snapshots', snapshot), snapshotSchema),
    showChain: async (snapshot) =>
      read(transport, itemPath('snapshots', snapshot, { verb: 'chain' }), z.array(snapshotLinkSchema)),
    planDelete: async (snapshot) =>
      call(transport, post(itemPath('snapshots', snapshot, { verb: 'plan-delete' })), snapshotDeletionSchema),
    share: async (snapshot, principal, body = {}) =>
      call(transport, { method: 'PUT', path: sharePath(snapshot, principal), body }, snapshotSchema),
    unshare: async (snapshot, principal) =>
      call(transport, { method: 'DELETE', path: sharePath(snapshot, principal) }, snapshotSchema),
  };
}
