import { captureProperties } from '../../../model/capture-properties.ts';
import type { Consistency } from '../../../model/consistency.ts';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { hasCode } from '../../../model/errors.ts';
import { DOMAIN_XML_FILE, type Image, type ImageDisk, NVRAM_FILE, TPM_FOLDER } from '../../../model/image.ts';
import { minDiskGiB } from '../../../model/image-rules.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { publishImage } from '../publish-image.ts';

const MAX_XML_BYTES = 4 * 1024 ** 2;

/** The image `<name>-shelved` from a draft that holds all of it; one that is published already stays. */
export async function publishShelved(
  core: Core,
  draft: ImageDraft,
  { record, disks }: { readonly record: ShelvedInstance; readonly disks: readonly ImageDisk[] },
): Promise<void> {
  const xml = await core.files.readText(draft.sealedPath(DOMAIN_XML_FILE), { maxBytes: MAX_XML_BYTES });
  const description = describeDomain(xml);
  const isFirmware = ({ file }: { readonly file: string }) => file.startsWith(`${TPM_FOLDER}/`);
  try {
    await publishImage(core, draft, {
      name: `${record.name}-shelved`,
      instanceOwner: record.owner,
      description: null,
      minDiskGiB: minDiskGiB(disks, null),
      minMemoryMiB: 0,
      consistency: consistencyOf(record),
      disks,
      skippedDisks: [],
      nvram: record.files.map(toImageFile).find(({ file }) => file === NVRAM_FILE) ?? null,
      tpm: record.files.filter(isFirmware).map(toImageFile),
      properties: {
        ...captureProperties({
          ...{ description, base: null, userId: core.caller.name, stated: {} },
          type: { imageType: 'snapshot' },
        }),
        image_type: 'shelved',
      },
    });
  } catch (error) {
    if (!hasCode(error, 'IMAGE_STATE')) throw error;
  }
}

function toImageFile({ file, sizeBytes, sha256 }: ShelvedInstance['files'][number]): NonNullable<Image['nvram']> {
  return { file, sizeBytes, sha256 };
}

function consistencyOf({ memory }: ShelvedInstance): Consistency {
  const base = { requested: 'auto', freezeMs: 0, pauseMs: 0 } as const;
  if (memory === null) return { ...base, achieved: 'offline' };
  return { ...base, achieved: 'crash', reason: 'the memory of the guest lies beside its disks' };
}
