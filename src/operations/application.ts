import type { Caller } from '../model/access.ts';
import type { Backup, BackupPlan, BackupStatus } from '../model/backup/backup.ts';
import type { BackupSchedule, ScheduleRun } from '../model/backup/schedule.ts';
import type { DoctorReport } from '../model/doctor.ts';
import type { Image } from '../model/image.ts';
import type { Instance, Volume } from '../model/instance.ts';
import type { JournalledOperation, Operation } from '../model/operation.ts';
import type { Page } from '../model/pages.ts';
import type { AuditEvent } from '../model/ports/audit.ts';
import type { HypervisorEvent } from '../model/ports/hypervisor.ts';
import type { OperationFilter } from '../model/ports/journal.ts';
import type { Notifier } from '../model/ports/notifier.ts';
import type { Principal } from '../model/ports/principals.ts';
import type { ScheduleBook } from '../model/ports/schedules.ts';
import type { QuotaReport } from '../model/quota.ts';
import type { RecycledImage } from '../model/recycled-image.ts';
import type {
  BackupFilter,
  CreatePrincipalRequest,
  CreateScheduleRequest,
  ImageFilter,
  InstanceFilter,
  OperationRequest,
  PlanBackupsRequest,
  UpdateImageRequest,
  UpdateInstanceRequest,
  VolumeFilter,
} from '../model/requests.ts';
import type { SnapshotLink } from '../model/snapshot/chain-link.ts';
import type { SnapshotFilter } from '../model/snapshot/requests.ts';
import type { Snapshot, SnapshotDeletion, SnapshotShare } from '../model/snapshot/snapshot.ts';
import type { StoreDescription, StoreFinding, StoreStatus } from '../model/store.ts';
import type { CollectGarbageRequest } from '../model/store-requests.ts';
import type { DueOffload } from './list-due-offloads.ts';
import type { HostSettings } from './support/context.ts';
import type { ImageSurvey, InstanceSurvey, OverlaySize, StoreSpace } from './survey-host.ts';

/** All that Darkroom does on one host, on behalf of one caller, who sees and touches what is its own. */
export interface CallerApplication {
  readonly caller: Caller;
  readonly images: {
    list(filter?: ImageFilter): Promise<readonly Image[]>;
    show(reference: string): Promise<Image>;
    update(reference: string, changes: UpdateImageRequest): Promise<Image>;
    /** Of the caller's own those that can be brought back, last deleted first. */
    listDeleted(page?: Page): Promise<readonly RecycledImage[]>;
    /** Brings back one of those, by its id or, where that is unique among them, its name. */
    undelete(reference: string): Promise<Image>;
    /** Deletes one of those for good. */
    purge(reference: string): Promise<void>;
  };
  readonly instances: {
    list(filter?: InstanceFilter): Promise<readonly Instance[]>;
    show(reference: string): Promise<Instance>;
    update(reference: string, changes: UpdateInstanceRequest): Promise<Instance>;
  };
  readonly volumes: {
    list(filter?: VolumeFilter): Promise<readonly Volume[]>;
    show(volume: string): Promise<Volume>;
  };
  readonly snapshots: {
    /** Oldest first. */
    list(filter?: SnapshotFilter): Promise<readonly Snapshot[]>;
    show(reference: string): Promise<Snapshot>;
    /** With all that its chain is made of, from the one that stands alone to itself, and its children. */
    showChain(reference: string): Promise<readonly SnapshotLink[]>;
    planDelete(reference: string): Promise<SnapshotDeletion>;
    /** Replaces an earlier share with the same principal. */
    share(reference: string, share: SnapshotShare): Promise<Snapshot>;
    unshare(reference: string, principal: string): Promise<Snapshot>;
  };
  /** For admins alone: FORBIDDEN. STORE_NOT_FOUND. */
  readonly stores: {
    /** The default first, image services last. */
    list(): Promise<readonly StoreDescription[]>;
    /** Of one, or of all of them; one that cannot be reached says so instead. */
    status(name?: string): Promise<readonly StoreStatus[]>;
    /** Of one, or of the default. */
    check(name?: string): Promise<readonly StoreFinding[]>;
    /** Removes what is removable and older than that, or says what it would remove. */
    collectGarbage(request: CollectGarbageRequest): Promise<readonly StoreFinding[]>;
  };
  /** What the caller has of images and snapshots, and may have; for an admin the host's own. */
  quota(): Promise<QuotaReport>;
  readonly backups: {
    /** Newest first, with why each is kept. */
    list(filter?: BackupFilter): Promise<readonly Backup[]>;
    /** What a rule would keep and what would go, without doing it; without one, what the schedules of the instance say. */
    plan(request: PlanBackupsRequest): Promise<readonly BackupPlan[]>;
    /** How well each instance is backed up; for one, or for all that the caller sees. */
    status(request: { readonly instance?: string; readonly days: number }): Promise<readonly BackupStatus[]>;
  };
  readonly schedules: {
    /** Those of the caller; all of them for an admin. Oldest first. */
    list(): Promise<readonly BackupSchedule[]>;
    /** By its id, or the beginning of it where that is unique: SCHEDULE_NOT_FOUND. */
    show(reference: string): Promise<BackupSchedule>;
    create(request: CreateScheduleRequest): Promise<BackupSchedule>;
    delete(reference: string): Promise<void>;
    setPaused(reference: string, isPaused: boolean): Promise<BackupSchedule>;
    /** Asks for a run of now, which the agent begins; SCHEDULE_BUSY when one goes on for each of its instances. */
    run(reference: string): Promise<readonly ScheduleRun[]>;
    /** Newest first. */
    listRuns(reference: string, filter: { readonly limit: number }): Promise<readonly ScheduleRun[]>;
  };
  readonly operations: {
    /**
     * Journals and starts an operation; resolves as soon as it runs. What can be refused at once is thrown from here
     * and leaves no operation: unknown names, bad names, conflicts, taken locks. Everything later is in the
     * operation's `error`. Under a key of the caller's that was used before it is the operation of then.
     */
    submit(request: OperationRequest, options?: { readonly idempotencyKey: string | null }): Promise<Operation>;
    list(filter?: OperationFilter): Promise<readonly Operation[]>;
    show(operationId: string): Promise<Operation>;
    /** Asks a running operation, of whatever process, to undo itself. OPERATION_FINISHED when it is over. */
    cancel(operationId: string): Promise<Operation>;
    /** Yields the operation at once, at every change that is seen, and last when it is over. */
    watch(operationId: string, signal?: AbortSignal): AsyncIterable<Operation>;
  };
  /** For admins alone: FORBIDDEN. */
  readonly principals: {
    list(): Promise<readonly Principal[]>;
    /** The token is told once, and kept by nobody here; null for one that is known by its certificate. */
    create(request: CreatePrincipalRequest): Promise<{ readonly principal: Principal; readonly token: string | null }>;
    renewToken(name: string): Promise<{ readonly principal: Principal; readonly token: string | null }>;
    delete(name: string): Promise<void>;
  };
  readonly audit: {
    /** Everybody's for an admin, else the caller's own. Newest first. */
    list(filter: { readonly limit: number }): Promise<readonly AuditEvent[]>;
  };
  /** FORBIDDEN to repair for all but admins. */
  doctor(options: { readonly isRepairing: boolean }): Promise<DoctorReport>;
}

/** One host, whoever asks: the daemon, or a CLI that composes it in its own process. By itself it acts for whoever composed it. */
export interface Application extends CallerApplication, AsyncDisposable {
  /** The same for somebody else. */
  as(caller: Caller): CallerApplication;
  /** Who has that bearer token; null when nobody has. */
  identifyToken(token: string): Promise<Principal | null>;
  /** Whose certificates carry that common name; null when nobody's do. */
  identifyName(name: string): Promise<Principal | null>;
  recordAudit(event: AuditEvent): Promise<void>;
  /** Puts right what dead processes left behind, and what an operation of ours could not put right itself. Once at a time. */
  recover(): Promise<void>;
  /** A recovery went through while libvirt was there. What it could not put right all the same, the journal tells. */
  readonly isRecovered: boolean;
  /** Shelved instances whose time on this host is over. */
  dueOffloads(): Promise<readonly DueOffload[]>;
  /** Volumes whose snapshots are to be consolidated. */
  dueConsolidations(): Promise<readonly string[]>;
  /** What the scheduler of a daemon works with: everybody's schedules, and how it tells of what became of them. */
  readonly scheduling: { readonly book: ScheduleBook; readonly notifier: Notifier };
  /** Deletes for good what was deleted long enough ago; returns the ids. */
  purgeExpired(): Promise<readonly string[]>;
  /** What monitoring asks for again and again: cheap, and on nobody's behalf. */
  readonly survey: {
    instances(): Promise<InstanceSurvey>;
    overlays(): Promise<readonly OverlaySize[]>;
    /** Reads every manifest: once in a while only. */
    images(): Promise<ImageSurvey>;
    storeSpace(): Promise<StoreSpace>;
    /** STORE_UNUSABLE unless images can be created. Writes a probe. */
    requireWritableStore(): Promise<void>;
    /** Locks of living processes of this host. */
    countLocks(): Promise<number>;
  };
  /** Operations of this process that go on. */
  readonly runningIds: readonly string[];
  /** Asks all of them to undo themselves, and waits until they have. */
  cancelAll(): Promise<void>;
  /** Resolves when none of them goes on. */
  drain(): Promise<void>;
  /** Changes of operations of all processes of this host, for metrics and event streams. */
  readonly feed: {
    lastRevision(): Promise<number>;
    listChanged(afterRevision: number, limit: number): Promise<readonly JournalledOperation[]>;
  };
  /** Domains, block jobs and the connection itself, as libvirt tells of them; returns how to stop listening. */
  subscribe(listener: (event: HypervisorEvent) => void): () => void;
  /** LIBVIRT_UNREACHABLE unless libvirt answers. */
  ping(): Promise<void>;
  /** Takes over what a new configuration changes of limits, timeouts and quotas. */
  applySettings(settings: HostSettings): void;
}
