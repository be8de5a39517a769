import type { Labels } from './labels.ts';

export const INSTANCE_STATES = [
  'active',
  'paused',
  'stopped',
  'suspended',
  'shelved',
  'shelved_offloaded',
  'error',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

export const POWER_STATES = ['running', 'paused', 'shutdown', 'crashed', 'suspended', 'nostate'] as const;
export type PowerState = (typeof POWER_STATES)[number];

export interface InstanceDisk {
  readonly target: string;
  readonly device: string;
  /** File or host block device; null for an empty drive or a network disk. */
  readonly path: string | null;
  readonly format: string | null;
  readonly isReadOnly: boolean;
}

export interface InstanceAddress {
  readonly mac: string;
  readonly address: string;
  readonly prefix: number;
  /** agent: told by the guest; lease: by libvirt's DHCP server; arp: seen in the host's neighbour table. */
  readonly source: 'agent' | 'lease' | 'arp';
}

/** Our view of one virtual machine, as `--json` prints it. `id` is the domain's UUID. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly state: InstanceState;
  readonly powerState: PowerState;
  /** Kind of the operation that works on it, such as `image.create`; null when idle. */
  readonly taskState: string | null;
  /** null while it is on no host: offloaded. */
  readonly host: string | null;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly disks: readonly InstanceDisk[];
  readonly macs: readonly string[];
  readonly addresses: readonly InstanceAddress[];
  /** The image it was launched from; null when Darkroom did not launch it. */
  readonly imageId: string | null;
  /** The principal that it belongs to; null: the host's. */
  readonly owner: string | null;
  readonly labels: Labels;
}

/** One disk of an instance. `id` is derived from the instance's UUID and the disk's target, so it outlives a shelve. */
export interface Volume {
  readonly id: string;
  readonly instance: string;
  readonly instanceName: string;
  readonly target: string;
  readonly path: string | null;
  readonly format: string | null;
  readonly virtualSizeBytes: number | null;
  /** Bytes allocated on the host. */
  readonly sizeBytes: number | null;
}

/** A file that was made of a snapshot: of no instance, until somebody attaches it. */
export interface MadeVolume
  extends Omit<Volume, 'instance' | 'instanceName' | 'target' | 'path' | 'virtualSizeBytes' | 'sizeBytes'> {
  readonly instance: null;
  readonly target: null;
  readonly path: string;
  readonly virtualSizeBytes: number;
  readonly sizeBytes: number;
}
