import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { LIMIT_OPTION } from './page-options.ts';
import { renderAudit } from './render/principal.ts';

const DEFAULT_LIMIT = 100;

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List what was asked to be changed, newest first, granted or not',
    (command) =>
      command
        .option('limit', { ...LIMIT_OPTION, default: DEFAULT_LIMIT })
        .example('$0 audit list', 'Who did what of late')
        .example("$0 audit list --json | jq '.[] | select(.errorCode != null)'", 'What was refused'),
    (argv) => host.execute(argv, { recovery: 'none', run: (context) => listAudit(context, { limit: argv.limit }) }),
  );
}

export async function listAudit(
  { client, output }: CommandContext,
  filter: { readonly limit: number },
): Promise<number> {
  const events = await client.audit.list(filter);
  await printResult(output, events, () => renderAudit(output, events));
  return 0;
}
