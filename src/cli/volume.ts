import type { Argv } from 'yargs';
import type { VolumeFilter } from '../model/requests.ts';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from './page-options.ts';
import { pickGiven } from './pick-given.ts';
import { renderVolume, renderVolumes } from './render/instance.ts';
import { addVolumeCreate } from './volume/create.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addVolumeList(yargs, host);
  addVolumeShow(yargs, host);
  addVolumeCreate(yargs, host);
}

function addVolumeList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the volumes of the instances',
    (command) =>
      command
        .option('instance', { type: 'string', requiresArg: true, describe: 'Only of this instance' })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .example('$0 volume list', 'The disks of all instances')
        .example('$0 volume list --instance web-1', 'The disks of one'),
    ({ instance, limit, marker, ...argv }) => {
      const filter = pickGiven({ instance, limit, marker });
      host.execute(argv, { recovery: 'attempted', run: (context) => listVolumes(context, filter) });
    },
  );
}

function addVolumeShow(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'show <volume>',
    'Show a volume',
    (command) =>
      command
        .positional('volume', {
          type: 'string',
          demandOption: true,
          describe: 'Id of the volume, or <instance>/<target>',
        })
        .example('$0 volume show web-1/vda', 'Its file, format and sizes'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => showVolume(context, argv.volume) }),
  );
}

export async function listVolumes({ client, output }: CommandContext, filter: VolumeFilter): Promise<number> {
  const volumes = await client.volumes.list(filter);
  await printResult(output, volumes, () => renderVolumes(volumes));
  return 0;
}

export async function showVolume({ client, output }: CommandContext, reference: string): Promise<number> {
  const volume = await client.volumes.show(reference);
  await printResult(output, volume, () => renderVolume(output, volume));
  return 0;
}
