const PATTERN =
  /^(?<disk>.+)\.(?<operation>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.(?:snapshot|differences)\.qcow2$/s;

/** Where QEMU writes a snapshot of a disk before it goes to the store: `<disk>.<operation-id>.snapshot.qcow2`. */
export function stagingPath(diskPath: string, operationId: string): string {
  return `${diskPath}.${operationId}.snapshot.qcow2`;
}

/** What of it differs from the snapshot before, where that had to be found out by comparing. */
export function differencesPath(diskPath: string, operationId: string): string {
  return `${diskPath}.${operationId}.differences.qcow2`;
}

/** Which operation made it; null when it is no such file of ours. */
export function parseStagingPath(path: string): { readonly diskPath: string; readonly operationId: string } | null {
  const groups = PATTERN.exec(path)?.groups;
  if (groups?.['disk'] === undefined || groups['operation'] === undefined) return null;
  return { diskPath: groups['disk'], operationId: groups['operation'] };
}
