import type { Argv } from 'yargs';
import type { CollectGarbageBody } from '../../api/schemas/stores.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { parseDuration } from '../parse-duration.ts';
import { renderFindings, sumBytes } from '../render/store-findings.ts';
import { formatBytes } from '../render/text.ts';
import { storeOnHost } from '../store-on-host.ts';
import { STORE_POSITIONAL } from './positional.ts';

export function addStoreGc(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'gc [name]',
    'Remove from a store what was begun and never finished, and what nobody can want',
    (command) =>
      command
        .positional('name', STORE_POSITIONAL)
        .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what would be removed' })
        .option('older-than', {
          type: 'string',
          requiresArg: true,
          default: '24h',
          describe: 'Only what nobody has written to for so long: another host may be at work on the rest',
        })
        .example('$0 store gc --dry-run', 'What would be removed')
        .example('$0 store gc ceph --older-than 7d', 'Of a store that the settings name'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const olderThanSeconds = Math.ceil(parseDuration('older-than', argv.olderThan) / 1000);
        const body = { olderThanSeconds, isDryRun: argv.dryRun };
        return { recovery: 'required', run: (context) => collectGarbage(context, { store: argv.name, body }) };
      }),
  );
}

export async function collectGarbage(
  context: CommandContext,
  { store, body }: { readonly store: string | undefined; readonly body: CollectGarbageBody },
): Promise<number> {
  const { client, output } = context;
  const removed = await client.stores.collectGarbage(
    body,
    store === undefined ? undefined : storeOnHost(context, store),
  );
  const verb = body.isDryRun === true ? 'would be removed' : 'removed';
  await printResult(output, removed, async () =>
    removed.length === 0
      ? `nothing ${body.isDryRun === true ? 'would be removed' : 'to remove'}`
      : `${await renderFindings(removed)}\n${removed.length} ${verb}, ${formatBytes(sumBytes(removed))}`,
  );
  return 0;
}
