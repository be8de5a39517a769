import type { Argv } from 'yargs';
import type { UpdateImageBody } from '../../api/schemas/images.ts';
import { IMAGE_VISIBILITIES, type ImageVisibility } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { parseProperties } from '../parse-properties.ts';
import { pickGiven } from '../pick-given.ts';
import { renderImage } from '../render/image.ts';
import { UsageError } from '../usage-error.ts';

interface SetFlags {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly protected?: boolean | undefined;
  readonly noProtected?: boolean | undefined;
  readonly visibility?: ImageVisibility | undefined;
  readonly member: readonly string[];
  readonly noMembers?: boolean | undefined;
  readonly owner?: string | undefined;
  readonly property: readonly string[];
}

export function addImageSet(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'set <image>',
    'Change the record of an image',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .option('name', { type: 'string', requiresArg: true, describe: 'New name' })
        .option('description', { type: 'string', requiresArg: true, describe: "New description; '' removes it" })
        .option('protected', { type: 'boolean', describe: 'Nobody can delete it' })
        .option('no-protected', { type: 'boolean', describe: 'It can be deleted again' })
        .option('visibility', {
          choices: IMAGE_VISIBILITIES,
          requiresArg: true,
          describe: 'Who sees it: its owner, its members too, or everybody',
        })
        .option('member', {
          type: 'string',
          array: true,
          default: [],
          requiresArg: true,
          describe: 'Principal that a shared image is shared with; may be repeated, and replaces all that it had',
        })
        .option('no-members', { type: 'boolean', describe: 'It is shared with nobody' })
        .option('owner', { type: 'string', requiresArg: true, describe: 'Principal that it belongs to from now on' })
        .option('property', {
          type: 'string',
          array: true,
          default: [],
          requiresArg: true,
          describe: 'KEY=VALUE to set; may be repeated',
        })
        .conflicts('protected', 'no-protected')
        .check(({ member, noMembers }) => noMembers !== true || member.length === 0 || refuseBoth())
        .example('$0 image set web-golden --protected', 'Keep it from being deleted')
        .example('$0 image set web-golden --visibility shared --member anna --member ci', 'Let two others use it')
        .example('$0 image set 3f2a --name web-2 --property os_version=12', 'Rename and describe'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const changes = changesOf(argv);
        return { recovery: 'attempted', run: (context) => setImage(context, { image: argv.image, changes }) };
      }),
  );
}

export async function setImage(
  { client, output }: CommandContext,
  options: { readonly image: string; readonly changes: UpdateImageBody },
): Promise<number> {
  const image = await client.images.update(options.image, options.changes);
  await printResult(output, image, () => renderImage(output, image));
  return 0;
}

function refuseBoth(): never {
  throw new UsageError('Arguments member and no-members are mutually exclusive');
}

function changesOf({ name, description, visibility, owner, ...flags }: SetFlags): UpdateImageBody {
  const isReplacingMembers = flags.member.length > 0 || flags.noMembers === true;
  return {
    ...pickGiven({ name, description, visibility, owner }),
    ...(flags.protected === true ? { protected: true } : {}),
    ...(flags.noProtected === true ? { protected: false } : {}),
    ...(isReplacingMembers ? { members: [...flags.member] } : {}),
    ...(flags.property.length === 0 ? {} : { properties: parseProperties(flags.property) }),
  };
}
