import type { DiskFormat, ImageFile } from './image.ts';
import type { Labels } from './labels.ts';
import type { FileOwnership } from './ports/host.ts';

/**
 * shelved: off and captured, its domain still defined on its host. offloading: being taken from its host, which only that
 * host can finish. shelved_offloaded: nothing of it is on any host.
 */
export const SHELF_STATES = ['shelved', 'offloading', 'shelved_offloaded'] as const;
export type ShelfState = (typeof SHELF_STATES)[number];

/** What it did before it was shelved, and does again when it comes back. */
export const SHELVABLE_POWER_STATES = ['running', 'paused', 'shutdown', 'suspended'] as const;
export type ShelvablePowerState = (typeof SHELVABLE_POWER_STATES)[number];

export interface ShelvedDisk {
  readonly target: string;
  /** Where it lay, and lies again on its own host. */
  readonly path: string;
  /** Of the file that lay there; what is in the image may be qcow2 instead. */
  readonly format: DiskFormat;
  readonly virtualSizeBytes: number;
  readonly ownership: FileOwnership;
  /** The file that it was an overlay of; null when it stood alone. It comes back flattened. */
  readonly basePath: string | null;
  /** Tell whether somebody wrote to it after the capture: of the file as it was then. */
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** A file of the host, beside the disks, that belongs to the machine: firmware variables, TPM state, its seed disk. */
export interface ShelvedFile extends ImageFile {
  /** Where it lay. */
  readonly path: string;
  readonly ownership: FileOwnership;
}

export interface ShelvedCheckpoint {
  readonly name: string;
  /** Its XML inside the image's folder. */
  readonly file: string;
}

/** A fixed address that a libvirt network's DHCP server holds for a MAC. */
export interface NetworkReservation {
  readonly network: string;
  readonly mac: string;
  readonly address: string;
  readonly name: string | null;
}

/** A shelved instance, as `instances/<uuid>.json` of a store holds it. Secrets are not in here but in the image's domain.xml. */
export interface ShelvedInstance {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly state: ShelfState;
  /** That shelved it; while the state is not shelved_offloaded the domain may be defined there. */
  readonly host: string;
  /** RFC 3339, UTC. */
  readonly shelvedAt: string;
  /** Of the image that holds it, or will when it is offloaded. */
  readonly imageId: string;
  /** Its disks lie still on the host, and move into the image when it is offloaded. */
  readonly isImageDeferred: boolean;
  readonly powerState: ShelvablePowerState;
  readonly isAutostart: boolean;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly macs: readonly string[];
  readonly disks: readonly ShelvedDisk[];
  readonly files: readonly ShelvedFile[];
  /** Its memory, as libvirt saves it; null when it comes back cold. */
  readonly memory: ImageFile | null;
  /** Parents before children. */
  readonly checkpoints: readonly ShelvedCheckpoint[];
  readonly reservations: readonly NetworkReservation[];
  /** The principal that it belongs to; null: the host's. */
  readonly owner: string | null;
  readonly labels: Labels;
  /** What its launch made, where Darkroom launched it. */
  readonly made: {
    readonly imageId: string;
    readonly folder: string;
    readonly files: readonly string[];
  } | null;
}

/** Who works on a shelved instance, of all hosts that reach the store: `instances/<uuid>.claim`. */
export interface ShelfClaim {
  readonly instanceId: string;
  readonly host: string;
  readonly operationId: string;
  readonly kind: string;
  readonly since: string;
}

/** Names in the image's folder: saved memory, and the definition of the machine that it is the memory of. */
export const MEMORY_FILE = 'memory.save';
export const MEMORY_XML_FILE = 'memory.xml';
