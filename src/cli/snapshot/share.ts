import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { formatTime, printable } from '../render/text.ts';
import { parseExpiry } from './parse-expiry.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

const WITH_OPTION = { type: 'string', demandOption: true, requiresArg: true, describe: 'Name of a principal' } as const;

export function addSnapshotShare(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'share <snapshot>',
    'Let somebody else see a snapshot, and make volumes and images of it',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('with', WITH_OPTION)
        .option('expires', {
          type: 'string',
          requiresArg: true,
          describe: 'After how long (7d, 12h), or when (RFC 3339); else not before it is revoked',
        })
        .example('$0 snapshot share 7c6b5a49 --with anna', 'Until it is revoked')
        .example('$0 snapshot share 7c6b5a49 --with ci --expires 7d', 'For a week'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const expiresAt = argv.expires === undefined ? null : parseExpiry(argv.expires, new Date());
        const share = { principal: argv.with, expiresAt };
        return { recovery: 'attempted', run: (context) => shareSnapshot(context, argv.snapshot, share) };
      }),
  );
}

export function addSnapshotUnshare(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'unshare <snapshot>',
    'Take that back; what was made of it stays',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('with', WITH_OPTION)
        .example('$0 snapshot unshare 7c6b5a49 --with anna', 'It is not seen there any more'),
    (argv) =>
      host.execute(argv, {
        recovery: 'attempted',
        run: (context) => unshareSnapshot(context, argv.snapshot, argv.with),
      }),
  );
}

export async function shareSnapshot(
  { client, output }: CommandContext,
  reference: string,
  { principal, expiresAt }: { readonly principal: string; readonly expiresAt: string | null },
): Promise<number> {
  const snapshot = await client.snapshots.share(reference, principal, { expiresAt });
  const until = expiresAt === null ? '' : ` until ${formatTime(expiresAt)}`;
  await printResult(output, snapshot, () => `snapshot ${snapshot.id}: shared with ${printable(principal)}${until}`);
  return 0;
}

export async function unshareSnapshot(
  { client, output }: CommandContext,
  reference: string,
  principal: string,
): Promise<number> {
  const snapshot = await client.snapshots.unshare(reference, principal);
  await printResult(output, snapshot, () => `snapshot ${snapshot.id}: no longer shared with ${printable(principal)}`);
  return 0;
}
