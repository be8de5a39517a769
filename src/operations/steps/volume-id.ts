import { uuidV5 } from '../../lib/uuid.ts';

const VOLUME_NAMESPACE = '6b1e9f3c-5b0a-4d5e-9a55-6f0f8f6f2c11';

/** Derived from what outlives a shelve, so that the id does too. */
export function volumeId(instanceId: string, target: string): string {
  return uuidV5(VOLUME_NAMESPACE, `${instanceId}/${target}`);
}

/** Of a file that no instance has. */
export function fileVolumeId(path: string): string {
  return uuidV5(VOLUME_NAMESPACE, `file:${path}`);
}
