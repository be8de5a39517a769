/** What every long list takes. */
export const LIMIT_OPTION = { type: 'number', requiresArg: true, describe: 'At most so many' } as const;
export const MARKER_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'Go on after this id, the last one of the page before',
} as const;
