/** Called `name` on the command line: `store` is an option of all commands. */
export const STORE_POSITIONAL = {
  type: 'string',
  describe: "Name of a store, as store list has it; else the host's own",
} as const;
