import type { Role } from './access.ts';
import type { Retention } from './backup/retention.ts';
import type { BackupPolicy } from './backup/schedule.ts';
import type { RequestedConsistency } from './consistency.ts';
import type { ImageStatus, ImageType, ImageVisibility } from './image.ts';
import type { InstanceState } from './instance.ts';
import type { Labels } from './labels.ts';
import type { Page } from './pages.ts';
import type { SnapshotRequest } from './snapshot/requests.ts';
import type { StoreRequest } from './store-requests.ts';

/** How an image is made of an instance. */
export interface CaptureRequest {
  readonly name: string;
  readonly consistency: RequestedConsistency;
  readonly description: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly isGeneralized: boolean;
  /** Its disks are stored encrypted, under the key of the configuration. */
  readonly isEncrypted: boolean;
}

/** References to instances and images are a name where it is unique, or the id. */
export interface CreateImageRequest extends CaptureRequest {
  readonly kind: 'image.create';
  readonly instance: string;
}

export interface CreateBackupRequest extends Omit<CaptureRequest, 'isGeneralized' | 'isEncrypted'> {
  readonly kind: 'backup.create';
  readonly instance: string;
  /** Backups of one instance rotate by their type, such as `daily`. */
  readonly backupType: string;
  readonly retention: Retention;
}

/** Formats that an import takes; null in a request: recognised by content. */
export const IMPORT_FORMATS = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export interface ImportImageRequest {
  readonly kind: 'image.import';
  /** A file, or a folder that an export of a whole image wrote. */
  readonly path: string;
  readonly name: string;
  readonly format: ImportFormat | null;
  readonly description: string | null;
  /** hw_machine_type, hw_firmware_type, hw_disk_bus, hw_vif_model … decide how it is launched. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface ExportImageRequest {
  readonly kind: 'image.export';
  readonly image: string;
  /** A file for an image of one disk without firmware variables, else a folder; must not exist. */
  readonly path: string;
  /** Of the written disks; null: as they are in the store. */
  readonly format: 'qcow2' | 'raw' | null;
}

export interface VerifyImageRequest {
  readonly kind: 'image.verify';
  readonly image: string;
  /** Also boots a throw-away overlay of it. */
  readonly isBooted: boolean;
  /** Text that must appear on the serial console; null: the guest agent must answer. */
  readonly expect: string | null;
  readonly timeoutMs: number;
}

export interface DeleteImageRequest {
  readonly kind: 'image.delete';
  readonly image: string;
  /** For good, now, and also one that was deleted before. */
  readonly isPurged?: boolean;
}

export interface LaunchInstanceRequest {
  readonly kind: 'instance.launch';
  readonly name: string;
  readonly image: string;
  /** null: as the image's source had it. */
  readonly memoryMiB: number | null;
  readonly vcpus: number | null;
  /** null: thin where the store is local and the image is not encrypted. */
  readonly clone: 'thin' | 'full' | null;
  readonly isStarted: boolean;
  /** libvirt network; null: as the source's. */
  readonly network: string | null;
  /** Public key lines for the default user. */
  readonly sshKeys: readonly string[];
  /** cloud-init user data, given through as it is. */
  readonly userData: string | null;
}

export interface DeleteInstanceRequest {
  readonly kind: 'instance.delete';
  readonly instance: string;
  /** Needed for a domain that Darkroom did not make; then its disks are kept. */
  readonly isForced: boolean;
}

export interface PowerRequest {
  readonly kind: 'instance.start' | 'instance.pause' | 'instance.resume' | 'instance.suspend';
  readonly instance: string;
}

export interface StopInstanceRequest {
  readonly kind: 'instance.stop' | 'instance.reboot';
  readonly instance: string;
  /** Pulls the plug instead of asking the guest. */
  readonly isForced: boolean;
  /** How long to wait for the guest. */
  readonly timeoutMs: number;
}

export interface ShelveInstanceRequest {
  readonly kind: 'instance.shelve';
  readonly instance: string;
  /** null: as the configuration says. */
  readonly isOffloaded: boolean | null;
  /** How long the guest is given to shut down before the plug is pulled. */
  readonly shutdownTimeoutMs: number;
  /** With the RAM of a running or paused guest, so that it goes on where it was. */
  readonly keepsMemory: boolean;
}

export interface OffloadInstanceRequest {
  readonly kind: 'instance.offload';
  readonly instance: string;
}

export interface UnshelveInstanceRequest {
  readonly kind: 'instance.unshelve';
  readonly instance: string;
  /** False: it stays off, whatever it did before. */
  readonly isStarted: boolean;
  /** libvirt networks of its definition by what they are called on this host. */
  readonly networks: Readonly<Record<string, string>>;
  /** Folder for its disks; null: where they were. */
  readonly diskDir: string | null;
  /** Without its saved memory, where it has one. */
  readonly isCold: boolean;
  /** Takes the claim of a host or process that is known to be dead. */
  readonly isStealing: boolean;
}

/** Everything that runs as an operation. */
export type OperationRequest =
  | CreateImageRequest
  | CreateBackupRequest
  | ImportImageRequest
  | ExportImageRequest
  | VerifyImageRequest
  | DeleteImageRequest
  | LaunchInstanceRequest
  | DeleteInstanceRequest
  | PowerRequest
  | StopInstanceRequest
  | ShelveInstanceRequest
  | OffloadInstanceRequest
  | UnshelveInstanceRequest
  | SnapshotRequest
  | StoreRequest;

export interface ImageFilter extends Page {
  readonly type?: ImageType;
  readonly name?: string;
  readonly status?: ImageStatus;
  readonly owner?: string;
  readonly visibility?: ImageVisibility;
  /** Id of the instance that it was made of. */
  readonly instance?: string;
  readonly backupType?: string;
}

export interface InstanceFilter extends Page {
  readonly name?: string;
  readonly state?: InstanceState;
  /** It has all of them. */
  readonly labels?: Labels;
}

export interface VolumeFilter extends Page {
  /** Name or id. */
  readonly instance?: string;
}

export interface CreatePrincipalRequest {
  readonly name: string;
  readonly role: Role;
  /** False: it is known by its client certificate. */
  readonly hasToken: boolean;
}

/** Changes of an image's record; what is absent stays. */
export interface UpdateImageRequest {
  readonly name?: string;
  readonly description?: string | null;
  readonly isProtected?: boolean;
  readonly visibility?: ImageVisibility;
  readonly members?: readonly string[];
  readonly owner?: string;
  readonly properties?: Readonly<Record<string, string>>;
}

/** Changes of what is noted of an instance. */
export interface UpdateInstanceRequest {
  /** An empty value takes a label away; what is absent stays. */
  readonly labels: Labels;
}

export interface BackupFilter extends Page {
  /** Name or id of an instance that is or was here. */
  readonly instance?: string;
  readonly backupType?: string;
}

export interface PlanBackupsRequest {
  readonly instance?: string;
  readonly backupType?: string;
  /** null: as the schedules say. */
  readonly retention: Retention | null;
}

export interface CreateScheduleRequest {
  /** An instance's name or id, all, or a label. */
  readonly selector:
    | { readonly kind: 'instance'; readonly instance: string }
    | { readonly kind: 'all' }
    | { readonly kind: 'label'; readonly key: string; readonly value: string };
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly backupType: string;
  readonly retention: Retention;
  readonly consistency: RequestedConsistency;
  readonly policy: BackupPolicy | null;
  readonly jitterMs: number;
  readonly bootEvery: number;
}
