import { EXIT_CODES } from '../api/error-table.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Command, CommandHost, StandaloneRun } from './context.ts';
import { executeCommand, executeStandalone, reportFailure } from './execute.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interrupts } from './interrupts.ts';
import { NOUNS } from './nouns.ts';
import type { OpenContext } from './open-context.ts';
import { createOutput, type Output, type TextStream } from './output.ts';
import { createParser, type ParserOptions } from './parser.ts';
import { UsageError } from './usage-error.ts';

export interface CliParts {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly environment: NodeJS.ProcessEnv;
  readonly interrupts: Interrupts;
  readonly version: string;
  readonly open: OpenContext;
}

const DEFAULT_WIDTH = 100;

/** Runs one command line and resolves with its exit code; never throws. */
export async function runCli(args: readonly string[], parts: CliParts): Promise<number> {
  const { stdout, stderr, environment } = parts;
  const output = createOutput({ stdout, stderr }, { isJson: args.includes('--json'), environment });
  const host = new ChosenCommand();
  const options = { version: parts.version, width: stdout.columns ?? DEFAULT_WIDTH };
  try {
    await parse(host, { args, options, stdout });
    return await host.run({ ...parts, output });
  } catch (error) {
    if (error instanceof UsageError) return await reportUsage(args, { error, output, options });
    return reportFailure(output, { error, isDebugging: true });
  }
}

interface Parsing {
  readonly args: readonly string[];
  readonly options: ParserOptions;
  readonly stdout: TextStream;
}

async function parse(host: ChosenCommand, { args, options, stdout }: Parsing): Promise<void> {
  try {
    await createParser(host, options).parseAsync([...args], {}, (_error, _argv, text) => {
      if (text !== '') stdout.write(`${text}\n`);
    });
  } catch (error) {
    if (!(error instanceof Found)) throw error;
  }
}

/** Leaves the parser: a handler that returns, or waits, makes yargs render the help of its command, for nobody. */
class Found extends Error {}

/** Remembers what the parser found. */
class ChosenCommand implements CommandHost {
  #chosen: ((parts: CliParts & { readonly output: Output }) => Promise<number>) | null = null;

  execute(options: GlobalOptions, command: Command): void {
    this.prepareAndExecute(options, async () => command);
  }

  prepareAndExecute(options: GlobalOptions, prepare: () => Promise<Command>): void {
    this.#chosen = ({ open, output, interrupts, environment }) =>
      executeCommand(open, { options, output, interrupts, environment }, prepare);
    throw new Found();
  }

  executeStandalone(options: GlobalOptions, run: StandaloneRun): void {
    this.#chosen = ({ output, interrupts, environment, version }) =>
      executeStandalone(run, { options, output, interrupts, environment, version });
    throw new Found();
  }

  async run(parts: CliParts & { readonly output: Output }): Promise<number> {
    // Help, version and completion are printed by the parser itself.
    return this.#chosen === null ? EXIT_CODES.done : await this.#chosen(parts);
  }
}

interface UsageReport {
  readonly error: UsageError;
  readonly output: Output;
  readonly options: ParserOptions;
}

/** Help where a noun or a verb is missing, else what is wrong and where the help is. */
async function reportUsage(args: readonly string[], { error, output, options }: UsageReport): Promise<number> {
  if (error.isIncomplete && !output.isJson) {
    await printHelp(args, output, options);
    return EXIT_CODES.usage;
  }
  const end = /[.?]$/.test(error.message) ? '' : '.';
  const message = `${error.message}${end} See '${['darkroom', ...knownWords(args, error), '--help'].join(' ')}'.`;
  return reportFailure(output, { error: new DarkroomError('INVALID_REQUEST', message), isDebugging: false });
}

/** The noun and the verb, as far as they are understood. */
function knownWords([noun = '', verb = '']: readonly string[], { message }: UsageError): readonly string[] {
  if (noun === 'doctor' || noun === 'quota') return [noun];
  if (!NOUNS.some(({ name }) => name === noun)) return [];
  const isUnknownVerb = message.includes('no such command') || message.endsWith(`: ${verb}`);
  return verb === '' || verb.startsWith('-') || isUnknownVerb ? [noun] : [noun, verb];
}

async function printHelp(args: readonly string[], { stderr }: Output, options: ParserOptions): Promise<void> {
  const idle = new ChosenCommand();
  await createParser(idle, options).parseAsync([...args, '--help'], {}, (_error, _argv, text) => {
    stderr.write(`${text}\n`);
  });
}
