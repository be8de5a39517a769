import type { Argv } from 'yargs';
import type { LaunchInstanceBody } from '../../api/schemas/instances.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printInstanceOf } from './changed-instance.ts';
import { readPublicKeys, readUserData } from './read-guest-files.ts';

export function addInstanceLaunch(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  yargs.command(
    'launch <name>',
    'Make a new instance from an image',
    (command) =>
      command
        .positional('name', { type: 'string', demandOption: true, describe: 'Name of the new instance' })
        .option('image', { ...text('Name or id of the image'), demandOption: true })
        .option('memory', { type: 'number', requiresArg: true, describe: "MiB; else as the image's source had it" })
        .option('vcpus', { type: 'number', requiresArg: true, describe: "Else as the image's source had it" })
        .option('clone', {
          choices: ['thin', 'full'] as const,
          requiresArg: true,
          describe:
            'thin: overlays on the image (default where the store is local and the image not encrypted); full: copies',
        })
        .option('no-start', { type: 'boolean', default: false, describe: 'Leave it off' })
        .option('network', text("libvirt network; else as the image's source had it"))
        .option('ssh-key', {
          ...text('Public key file for the default user; may be repeated'),
          array: true,
          default: [],
        })
        .option('user-data', text('cloud-init user data file'))
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 instance launch web-2 --image web-golden', 'Thin, started')
        .example('$0 instance launch web-3 --image web-golden --ssh-key ~/.ssh/id_ed25519.pub', 'Reachable by ssh')
        .example('$0 instance launch db-2 --image db-1 --clone full --memory 4096 --no-start', 'Independent, off'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = {
          name: argv.name,
          image: argv.image,
          memoryMiB: argv.memory ?? null,
          vcpus: argv.vcpus ?? null,
          clone: argv.clone ?? null,
          isStarted: !argv.noStart,
          network: argv.network ?? null,
          sshKeys: await readPublicKeys(argv.sshKey),
          userData: await readUserData(argv.userData),
        };
        return { recovery: 'required', run: (context) => launchInstance(context, { body, isAwaited: !argv.noWait }) };
      }),
  );
}

export async function launchInstance(
  context: CommandContext,
  { body, isAwaited }: { readonly body: LaunchInstanceBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.instances.launch(body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  return await printInstanceOf(context, { operation, reference: body.name });
}
