/** How long what is waited for. */
export interface Limits {
  readonly connectMs: number;
  /** Without a byte of an answer. */
  readonly answerMs: number;
  /** Without a byte of data that goes or comes. */
  readonly dataMs: number;
  /** For the answer when all data has gone: the service may have to bring it elsewhere first. */
  readonly storeMs: number;
  /** How long a request that may be repeated is repeated. */
  readonly retryForMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  connectMs: 5_000,
  answerMs: 30_000,
  dataMs: 60_000,
  storeMs: 10 * 60_000,
  retryForMs: 60_000,
};
