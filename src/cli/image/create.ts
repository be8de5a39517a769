import type { Argv } from 'yargs';
import type { CreateImageBody } from '../../api/schemas/images.ts';
import { CAPTURE_OPTIONS, CONSISTENCY_OPTION } from '../capture-options.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { parseProperties } from '../parse-properties.ts';
import { pickGiven } from '../pick-given.ts';
import { UsageError } from '../usage-error.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printMadeImage } from './made-image.ts';

/** Not stated, it is for the host to say: a snapshot has the one that it has. Declared once: yargs adds up the choices. */
const OPTIONS = {
  ...CAPTURE_OPTIONS,
  consistency: { ...CONSISTENCY_OPTION, default: undefined, defaultDescription: '"auto"' },
} as const;

export function addImageCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create [instance]',
    'Make a bootable image of an instance, running or not, or of a snapshot of its root volume',
    (command) =>
      command
        .positional('instance', { type: 'string', describe: 'Name or id of the instance' })
        .option('from-snapshot', {
          type: 'string',
          requiresArg: true,
          describe: 'Id of a snapshot, in the place of an instance',
        })
        .option('name', { type: 'string', demandOption: true, requiresArg: true, describe: 'Name of the image' })
        .options(OPTIONS)
        .option('generalize', {
          type: 'boolean',
          default: false,
          describe: 'Take machine-id, host keys and leases out of the image (virt-sysprep)',
        })
        .option('encrypt', {
          type: 'boolean',
          default: false,
          describe:
            'Store its disks encrypted (LUKS), with the key of the configuration; firmware variables, TPM state and definition stay as they are',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .conflicts('from-snapshot', 'consistency')
        .check(requireOneSource)
        .example('$0 image create web-1 --name web-golden', 'Capture a running guest')
        .example(
          '$0 image create db --name db-1 --consistency quiesced',
          'Refuse unless its file systems can be frozen',
        )
        .example('$0 image create web-1 --name base --generalize --property os_distro=debian', 'A template')
        .example('$0 image create --from-snapshot 7c6b5a49 --name web-monday', 'What it was on Monday'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = {
          ...pickGiven({ instance: argv.instance, fromSnapshot: argv.fromSnapshot, consistency: argv.consistency }),
          name: argv.name,
          description: argv.description ?? null,
          properties: parseProperties(argv.property),
          isGeneralized: argv.generalize,
          isEncrypted: argv.encrypt,
        };
        return { recovery: 'required', run: (context) => createImage(context, { isAwaited: !argv.noWait, body }) };
      }),
  );
}

interface Source {
  readonly instance?: string | undefined;
  readonly fromSnapshot?: string | undefined;
  readonly generalize: boolean;
}

function requireOneSource({ instance, fromSnapshot, generalize }: Source): true {
  if ((instance === undefined) === (fromSnapshot === undefined)) {
    throw new UsageError('Give an instance, or --from-snapshot: one of both');
  }
  if (fromSnapshot !== undefined && generalize) throw new UsageError('--generalize needs an instance');
  return true;
}

export interface CreateImageOptions {
  readonly body: CreateImageBody;
  readonly isAwaited: boolean;
}

export async function createImage(context: CommandContext, { body, isAwaited }: CreateImageOptions): Promise<number> {
  const submit = () => context.client.images.create(body);
  if (!isAwaited) return await beginOperation(context, submit);
  return await printMadeImage(context, await waitForOperation(context, submit));
}
