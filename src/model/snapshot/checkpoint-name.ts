const PREFIX = 'darkroom-';
const PATTERN = /^darkroom-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Checkpoint, and bitmap in each of its disks, that begin with the operation of that id. */
export function checkpointName(operationId: string): string {
  return `${PREFIX}${operationId}`;
}

/** Made by us, on whatever host: what others made is never touched. */
export function isOurCheckpoint(name: string): boolean {
  return PATTERN.test(name);
}
