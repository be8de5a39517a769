import type { Argv } from 'yargs';
import type { ImportImageBody } from '../../api/schemas/images.ts';
import { IMPORT_FORMATS } from '../../model/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { parseProperties } from '../parse-properties.ts';
import { pathOnHost } from '../path-on-host.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printMadeImage } from './made-image.ts';

interface HardwareFlags {
  readonly machine?: string | undefined;
  readonly firmware?: string | undefined;
  readonly cpu?: string | undefined;
  readonly nicModel?: string | undefined;
  readonly diskBus?: string | undefined;
}

export function addImageImport(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  yargs.command(
    'import <file>',
    'Make an image of a disk file, or of a folder that an export wrote',
    (command) =>
      command
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: 'Disk file or exported folder, on the host that does it',
        })
        .option('name', { ...text('Name of the image'), demandOption: true })
        .option('format', { choices: IMPORT_FORMATS, requiresArg: true, describe: 'Else recognised by content' })
        .option('description', text('What it is for'))
        .option('property', {
          ...text('KEY=VALUE to keep with the image; may be repeated'),
          array: true,
          default: [],
        })
        .option('machine', {
          choices: ['pc', 'q35'] as const,
          requiresArg: true,
          describe: 'Machine type to launch with',
        })
        .option('firmware', {
          choices: ['bios', 'uefi'] as const,
          requiresArg: true,
          describe: 'Firmware to launch with',
        })
        .option('cpu', text("CPU to launch with: a libvirt model, 'host-model', 'host-passthrough' or 'maximum'"))
        .option('nic-model', text('Network card to launch with, such as virtio or e1000'))
        .option('disk-bus', text('Disk bus to launch with, such as virtio, scsi, sata or ide'))
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image import debian-12.qcow2 --name debian-12', 'A cloud image')
        .example(
          '$0 image import /srv/import/debian-12.qcow2 --name debian-12 --host node2',
          'A file that lies on node2',
        )
        .example('$0 image import disk.vmdk --name old --machine pc --nic-model e1000 --disk-bus ide', 'An old guest'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const rest = {
          name: argv.name,
          format: argv.format ?? null,
          description: argv.description ?? null,
          // What is stated by its own flag wins over the same thing as a property.
          properties: { ...parseProperties(argv.property), ...hardwareProperties(argv) },
        };
        return {
          recovery: 'required',
          run: (context) =>
            importImage(context, { isAwaited: !argv.noWait, body: { path: pathOnHost(context, argv.file), ...rest } }),
        };
      }),
  );
}

export async function importImage(
  context: CommandContext,
  { body, isAwaited }: { readonly body: ImportImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.images.import(body);
  if (!isAwaited) return await beginOperation(context, submit);
  return await printMadeImage(context, await waitForOperation(context, submit));
}

const CPU_MODES: readonly string[] = ['host-model', 'host-passthrough', 'maximum'];

/** Glance's names for how a guest's hardware looks. */
export function hardwareProperties(flags: HardwareFlags): Record<string, string> {
  return {
    ...(flags.machine === undefined ? {} : { hw_machine_type: flags.machine }),
    ...(flags.firmware === undefined ? {} : { hw_firmware_type: flags.firmware }),
    ...(flags.cpu === undefined ? {} : cpuProperties(flags.cpu)),
    ...(flags.nicModel === undefined ? {} : { hw_vif_model: flags.nicModel }),
    ...(flags.diskBus === undefined ? {} : { hw_disk_bus: flags.diskBus }),
  };
}

function cpuProperties(cpu: string): Record<string, string> {
  return CPU_MODES.includes(cpu) ? { hw_cpu_mode: cpu } : { hw_cpu_mode: 'custom', hw_cpu_model: cpu };
}
