import { getHashes } from 'node:crypto';
import { z } from 'zod';
import type { ServiceImage } from '../../model/ports/image-service.ts';
import { isServiceField } from '../../model/service-image/own-fields.ts';
import { failed } from './failures.ts';

const byteCount = z.number().int().min(0).nullish();
const hex = z
  .string()
  .regex(/^[0-9a-f]+$/i)
  .nullish();

/** https://docs.openstack.org/api-ref/image/v2/#show-image */
const imageSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  status: z.string(),
  disk_format: z.string().nullish(),
  container_format: z.string().nullish(),
  size: byteCount,
  virtual_size: byteCount,
  min_disk: z.number().int().min(0).nullish(),
  min_ram: z.number().int().min(0).nullish(),
  visibility: z.string().default('private'),
  protected: z.boolean().default(false),
  owner: z.string().nullish(),
  created_at: z.string().default(''),
  checksum: hex,
  os_hash_algo: z.string().nullish(),
  os_hash_value: hex,
});

const listSchema = z.looseObject({ images: z.array(imageSchema) });

/** IMAGE_SERVICE_FAILED for an answer that is no image. */
export function parseImage(service: string, answer: unknown): ServiceImage {
  const parsed = imageSchema.safeParse(answer);
  if (parsed.success) return translate(parsed.data);
  throw failed(service, `gave an answer that is no image: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
}

export function parseImages(service: string, answer: unknown): readonly ServiceImage[] {
  const parsed = listSchema.safeParse(answer);
  if (parsed.success) return parsed.data.images.map(translate);
  throw failed(service, `gave an answer that is no list of images. Look at its endpoint.`, { cause: parsed.error });
}

function translate(image: z.infer<typeof imageSchema>): ServiceImage {
  const isProperty = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === 'string' && !isServiceField(entry[0]);
  return {
    id: image.id,
    name: image.name ?? '',
    status: image.status,
    diskFormat: image.disk_format ?? null,
    containerFormat: image.container_format ?? null,
    sizeBytes: image.size ?? null,
    virtualSizeBytes: image.virtual_size ?? null,
    minDiskGiB: image.min_disk ?? 0,
    minMemoryMiB: image.min_ram ?? 0,
    visibility: image.visibility,
    isProtected: image.protected,
    owner: image.owner ?? null,
    createdAt: image.created_at,
    hash: findHash(image),
    properties: Object.fromEntries(Object.entries(image).filter(isProperty)),
  };
}

/** The multihash, or of old images the MD5, by which at least an accident shows. Names as Python's hashlib has them. */
function findHash(image: z.infer<typeof imageSchema>): ServiceImage['hash'] {
  const { os_hash_algo: algorithm, os_hash_value: value, checksum } = image;
  const known = algorithm?.toLowerCase().replace('blake2b', 'blake2b512').replace('_', '-') ?? '';
  if (value && getHashes().includes(known)) return { algorithm: known, value: value.toLowerCase() };
  return checksum ? { algorithm: 'md5', value: checksum.toLowerCase() } : null;
}
