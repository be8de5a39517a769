import yargs, { type Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import { addDoctor } from './doctor.ts';
import { addGlobalOptions, type GlobalOptions } from './global-options.ts';
import { NOUNS, type Noun } from './nouns.ts';
import { addQuota } from './quota.ts';
import { UsageError } from './usage-error.ts';

const MAX_WIDTH = 110;

export interface ParserOptions {
  readonly version: string;
  /** Columns of the terminal. */
  readonly width: number;
}

/** The whole command line. What it prints goes to the callback of `parse`; what is wrong is thrown as UsageError. */
export function createParser(host: CommandHost, { version, width }: ParserOptions): Argv<GlobalOptions> {
  const parser = addGlobalOptions(yargs().scriptName('darkroom').parserConfiguration(PARSING))
    .usage('$0 <noun> <verb>\n\nTurns running guests into bootable images, and images into instances.')
    .exitProcess(false)
    .strictCommands()
    .strict()
    .recommendCommands()
    .showHelpOnFail(false)
    .updateStrings(STRINGS)
    .demandCommand(1, UsageError.INCOMPLETE)
    .check(refuseRepeated)
    .fail(throwUsageError)
    .completion('completion', 'Print a completion script for bash or zsh')
    .example('$0 image create web-1 --name web-golden', 'Capture a running guest')
    .example('$0 instance launch web-2 --image web-golden', 'Boot a new one from it')
    .version(version)
    .wrap(Math.min(MAX_WIDTH, width));
  for (const noun of NOUNS) addNoun(parser, host, noun);
  return addDoctor(addQuota(parser, host), host);
}

const PARSING = {
  'boolean-negation': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
};

/** yargs' own words, made plainer. */
const STRINGS = {
  'Did you mean %s?': "There is no such command; did you mean '%s'?",
  'Not enough arguments following: %s': '--%s needs a value',
};

function addNoun(parser: Argv<GlobalOptions>, host: CommandHost, noun: Noun): void {
  parser.command(noun.name, noun.describe, async (command) => {
    const { addVerbs } = await noun.load();
    addVerbs(command, host);
    return command.usage(`$0 ${noun.name} <verb>\n\n${noun.describe}`).demandCommand(1, UsageError.INCOMPLETE);
  });
}

const REPEATABLE: ReadonlySet<string> = new Set(['_', 'property', 'ssh-key', 'sshKey', 'images']);
/** Of one verb only: elsewhere the same option is given once. */
const REPEATABLE_OF: Readonly<Record<string, readonly string[]>> = {
  unshelve: ['network'],
  set: ['member', 'label', 'no-label', 'noLabel'],
  list: ['label'],
};

/** yargs makes an array of an option given twice, and NaN of a number that is none. */
function refuseRepeated(argv: Readonly<Record<string, unknown>>): true {
  const verb = Array.isArray(argv['_']) ? String(argv['_'][1]) : '';
  const isRepeatable = (key: string): boolean => REPEATABLE.has(key) || REPEATABLE_OF[verb]?.includes(key) === true;
  for (const [key, value] of Object.entries(argv)) {
    if (Array.isArray(value) && !isRepeatable(key)) throw new UsageError(`--${key} is given more than once`);
    if (Number.isNaN(value)) throw new UsageError(`--${key} must be a number`);
  }
  return true;
}

function throwUsageError(message: string | null, error: Error | undefined): never {
  if (error instanceof UsageError) throw error;
  const said = message ?? error?.message ?? 'The command is not valid';
  // yargs' own word, in a string that cannot be replaced: it has a plural
  throw new UsageError(said.replace('non-option arguments', 'arguments'));
}
