import { buildImportedDomainXml } from '../../../model/domain-xml/imported-domain.ts';
import { hasCode } from '../../../model/errors.ts';
import { DOMAIN_XML_FILE, type Image } from '../../../model/image.ts';
import type { FetchOptions } from '../../../model/ports/image-store.ts';
import type { Core } from '../../support/context.ts';

const MAX_DOMAIN_XML_BYTES = 4 * 1024 ** 2;

/** XML of the machine that an image was taken from; for an imported disk the one that its properties ask for. */
export async function readSourceXml(core: Core, image: Image, options: FetchOptions = {}): Promise<string> {
  const path = await findDomainXml(core, image, options);
  if (path === null) return buildImportedDomainXml(image, core.settings.launch);
  return await core.files.readText(path, { maxBytes: MAX_DOMAIN_XML_BYTES });
}

async function findDomainXml(core: Core, image: Image, options: FetchOptions): Promise<string | null> {
  try {
    return await core.store.resolveFile(image.id, DOMAIN_XML_FILE, options);
  } catch (error) {
    if (hasCode(error, 'IMAGE_DAMAGED') && image.properties['image_type'] === 'imported') return null;
    throw error;
  }
}
