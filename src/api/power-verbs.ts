/** Verbs on an instance that take nothing. */
export const POWER_VERBS = ['start', 'pause', 'resume', 'suspend'] as const;
export type PowerVerb = (typeof POWER_VERBS)[number];

/** Verbs that wait for the guest, or force it. */
export const STOP_VERBS = ['stop', 'reboot'] as const;
export type StopVerb = (typeof STOP_VERBS)[number];
