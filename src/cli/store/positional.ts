export const STORE_POSITIONAL = {
  type: 'string',
  describe: "Name of a store, as store list has it; else the host's own",
} as const;
