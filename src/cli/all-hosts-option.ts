export const ALL_HOSTS_OPTION = {
  type: 'boolean',
  describe: "Ask all hosts of the inventory ('hosts:' in the configuration) at once",
} as const;

/** What means one host, and so not all of them. */
export const OF_ONE_HOST = ['host', 'connect', 'state-dir', 'store', 'socket', 'marker'];
