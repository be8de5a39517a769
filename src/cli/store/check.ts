import type { Argv } from 'yargs';
import { EXIT_CODES } from '../../api/error-table.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderFindings, summarizeFindings } from '../render/store-findings.ts';
import { storeOnHost } from '../store-on-host.ts';
import { STORE_POSITIONAL } from './positional.ts';

export function addStoreCheck(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'check [name]',
    'Look for what is missing in a store, damaged or left over; contents are not read',
    (command) =>
      command
        .positional('name', STORE_POSITIONAL)
        .example('$0 store check', "The host's own store; ends with 6 when something is wrong")
        .example('$0 image verify web-golden', 'Reads an image whole'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => checkStore(context, argv.name) }),
  );
}

/** What is wrong is no failure of this command: it is printed as asked, and the exit code tells. */
export async function checkStore(context: CommandContext, store: string | undefined): Promise<number> {
  const { client, output } = context;
  const findings = await client.stores.check(store === undefined ? undefined : storeOnHost(context, store));
  await printResult(output, findings, async () =>
    findings.length === 0 ? 'nothing is wrong' : `${await renderFindings(findings)}\n${summarizeFindings(findings)}`,
  );
  return findings.length === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
}
