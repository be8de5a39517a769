import { DOMAIN_XML_FILE, type Image, NVRAM_FILE, TPM_FOLDER } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { Core } from '../../support/context.ts';
import { finishFile } from '../finish-file.ts';
import type { FirmwareState } from './read-firmware.ts';

/** What the image holds beside its disks: firmware variables, TPM state, and the source's definition with its secrets. */
export async function writeFirmware(
  core: Core,
  draft: ImageDraft,
  source: { readonly firmware: FirmwareState; readonly domainXml: string },
  signal: AbortSignal,
): Promise<Pick<Image, 'nvram' | 'tpm'>> {
  await core.files.writeDurably(draft.path(DOMAIN_XML_FILE), source.domainXml, { mode: 0o600 });
  await draft.seal(DOMAIN_XML_FILE, { isSecret: true, signal });
  const { nvram, tpm } = source.firmware;
  const files = [];
  for (const [name, content] of tpm)
    files.push(await writeFile(core, draft, { file: `${TPM_FOLDER}/${name}`, content, signal }));
  return {
    nvram: nvram === null ? null : await writeFile(core, draft, { file: NVRAM_FILE, content: nvram, signal }),
    tpm: files,
  };
}

async function writeFile(
  core: Core,
  draft: ImageDraft,
  { file, content, signal }: { file: string; content: Uint8Array; signal: AbortSignal },
) {
  await core.files.writeDurably(draft.path(file), content);
  return finishFile(core, draft, file, { signal });
}
