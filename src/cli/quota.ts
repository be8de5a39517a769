import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { renderQuota } from './render/quota.ts';

export function addQuota(yargs: Argv<GlobalOptions>, host: CommandHost): Argv<GlobalOptions> {
  return yargs.command(
    'quota',
    'Show what you have of images and snapshots, and may have',
    (command) => command.example('$0 quota', 'Counts, bytes and limits').example('$0 quota --json', 'For a program'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: showQuota }),
  );
}

export async function showQuota({ client, output }: CommandContext): Promise<number> {
  const quota = await client.quota();
  await printResult(output, quota, () => renderQuota(quota));
  return 0;
}
