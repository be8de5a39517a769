/** The command line cannot be understood. */
export class UsageError extends Error {
  /** A noun or a verb is missing: the help says which there are. */
  static readonly INCOMPLETE = 'A command is missing';
  override readonly name = 'UsageError';

  get isIncomplete(): boolean {
    return this.message === UsageError.INCOMPLETE;
  }
}
