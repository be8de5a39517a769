export const SNAPSHOT_POSITIONAL = {
  type: 'string',
  demandOption: true,
  describe: 'Id of the snapshot, or its first 8 characters or more',
} as const;
