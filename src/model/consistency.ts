/** What a caller may ask of a capture. `auto`: quiesced where the guest agent answers, else paused. */
export const REQUESTED_CONSISTENCIES = ['auto', 'quiesced', 'paused', 'crash'] as const;
export type RequestedConsistency = (typeof REQUESTED_CONSISTENCIES)[number];

/**
 * What a capture reached. quiesced: file systems frozen by the guest agent; paused: vCPUs stopped; crash: as after a
 * power cut; offline: the guest was off.
 */
export const ACHIEVED_CONSISTENCIES = ['quiesced', 'paused', 'crash', 'offline'] as const;
export type AchievedConsistency = (typeof ACHIEVED_CONSISTENCIES)[number];

export interface Consistency {
  readonly requested: RequestedConsistency;
  readonly achieved: AchievedConsistency;
  /** Milliseconds from the start of the freeze call to the end of the thaw call; 0 when nothing was frozen. */
  readonly freezeMs: number;
  /** Milliseconds from the pause to the resume by us; 0 when nothing was paused by us. */
  readonly pauseMs: number;
  /** Why the level reached is lower than one might hope; absent when it is what was asked. */
  readonly reason?: string;
}
