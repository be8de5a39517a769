/** It ended with an exit code that was not accepted, or by a signal that was not ours. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly file: string;
  readonly args: readonly string[];
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;

  constructor(
    command: { readonly file: string; readonly args: readonly string[] },
    outcome: { exitCode: number | null; signal: string | null; stderr: string; reason?: string },
  ) {
    const ending = outcome.reason ?? describeEnding(outcome.exitCode, outcome.signal);
    super(`${command.file} ${ending}${outcome.stderr === '' ? '' : `: ${outcome.stderr.trim()}`}`);
    this.file = command.file;
    this.args = command.args;
    this.exitCode = outcome.exitCode;
    this.signal = outcome.signal;
    this.stderr = outcome.stderr;
  }
}

/** No such program in PATH, or not one that this user may run. */
export class CommandMissing extends Error {
  override readonly name = 'CommandMissing';
  readonly file: string;

  constructor(file: string) {
    super(`${file} is not installed, or not in PATH`);
    this.file = file;
  }
}

export class CommandCancelled extends Error {
  override readonly name = 'CommandCancelled';
  readonly file: string;

  constructor(file: string) {
    super(`${file} was cancelled`);
    this.file = file;
  }
}

export class CommandTimedOut extends Error {
  override readonly name = 'CommandTimedOut';
  readonly file: string;
  readonly timeoutMs: number;

  constructor(file: string, timeoutMs: number) {
    super(`${file} did not end within ${timeoutMs} ms and was stopped`);
    this.file = file;
    this.timeoutMs = timeoutMs;
  }
}

function describeEnding(exitCode: number | null, signal: string | null): string {
  if (exitCode !== null) return `ended with exit code ${exitCode}`;
  return signal === null ? 'could not be started' : `was ended by ${signal}`;
}
