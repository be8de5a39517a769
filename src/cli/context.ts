import type { RecoveryPolicy } from '../agent/embed.ts';
import type { Client } from '../api/client.ts';
import { DarkroomError } from '../model/errors.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interrupts } from './interrupts.ts';
import type { Output } from './output.ts';

/** What a command works with; knows nothing of how it was called. */
export interface CommandContext {
  readonly client: Client;
  readonly output: Output;
  readonly interrupts: Interrupts;
  /** An agent does the work, and goes on when this process ends. */
  readonly isAgent: boolean;
  /** Name of the other host that does it; null: this one. */
  readonly host: string | null;
  readonly patience: Patience;
}

/** With an agent that stopped answering in the middle of something. */
export interface Patience {
  readonly totalMs: number;
  readonly pauseMs: number;
}

/** A restart takes seconds, and may have to put things right first. */
export const PATIENCE: Patience = { totalMs: 60_000, pauseMs: 1000 };

export interface Command {
  readonly recovery: RecoveryPolicy;
  /** Asks an agent about itself: AGENT_UNREACHABLE where none answers. */
  readonly needsAgent?: true;
  /** Begins with a question to libvirt: where no agent does the work, the connection is opened while the rest is loaded. */
  readonly asksLibvirt?: true;
  /** Resolves with the exit code; failures are thrown. */
  run(context: CommandContext): Promise<number>;
}

/** What a command gets that needs no client, since it is the agent itself. */
export interface StandaloneParts {
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly interrupts: Interrupts;
  readonly environment: NodeJS.ProcessEnv;
  readonly version: string;
}

export type StandaloneRun = (parts: StandaloneParts) => Promise<number>;

/** Takes the command that the parser found; it runs when the parser is done. */
export interface CommandHost {
  execute(options: GlobalOptions, command: Command): void;
  /** For commands whose own input can be wrong: that is found before anything is opened. */
  prepareAndExecute(options: GlobalOptions, prepare: () => Promise<Command>): void;
  executeStandalone(options: GlobalOptions, run: StandaloneRun): void;
}

/** Work that nobody waits for would die with this process. */
export function requireAgent(context: CommandContext): void {
  if (context.isAgent) return;
  throw new DarkroomError(
    'AGENT_REQUIRED',
    '--no-wait needs a running agent to go on with the work, and none answers. Leave it out, and wait.',
  );
}
