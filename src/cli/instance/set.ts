import type { Argv } from 'yargs';
import type { UpdateInstanceBody } from '../../api/schemas/instances.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { parsePairs } from '../parse-properties.ts';
import { renderInstance } from '../render/instance.ts';

interface SetFlags {
  readonly label: readonly string[];
  readonly noLabel: readonly string[];
}

export function addInstanceSet(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const list = (describe: string) =>
    ({ type: 'string', array: true, default: [] as readonly string[], requiresArg: true, describe }) as const;
  yargs.command(
    'set <instance>',
    'Change the labels of an instance, whether it runs or not',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('label', list('KEY=VALUE to set; may be repeated'))
        .option('no-label', list('KEY to take away; may be repeated'))
        .example('$0 instance set web-1 --label env=prod --label team=shop', 'Say what it is')
        .example('$0 instance set web-1 --no-label team', 'Say it no longer'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const changes = { labels: labelsOf(argv) };
        return {
          recovery: 'required',
          run: (context) => setInstance(context, { instance: argv.instance, changes }),
        };
      }),
  );
}

export async function setInstance(
  { client, output }: CommandContext,
  options: { readonly instance: string; readonly changes: UpdateInstanceBody },
): Promise<number> {
  const instance = await client.instances.update(options.instance, options.changes);
  await printResult(output, instance, () => renderInstance(output, instance));
  return 0;
}

function labelsOf({ label, noLabel }: SetFlags): Record<string, string> {
  if (label.length + noLabel.length === 0) throw invalid('Say what to change: --label or --no-label.');
  const set = parsePairs('label', label);
  const both = noLabel.find((key) => Object.hasOwn(set, key));
  if (both !== undefined) throw invalid(`--label and --no-label '${both}': it cannot be both set and taken away.`);
  return { ...set, ...Object.fromEntries(noLabel.map((key) => [key, ''])) };
}

function invalid(message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message);
}
