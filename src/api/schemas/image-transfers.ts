import { z } from 'zod';
import { IMAGE_VISIBILITIES } from '../../model/image.ts';
import { imageNameSchema, referenceSchema } from './names.ts';
import { serviceNameSchema, storeReferenceSchema } from './store-references.ts';

/** From one store to another, of which one is the host's own where it is absent. */
export const copyImageBodySchema = z
  .strictObject({
    from: storeReferenceSchema.nullable().default(null),
    to: storeReferenceSchema.nullable().default(null),
  })
  .refine(({ from, to }) => from !== null || to !== null, { error: 'must be given, or from', path: ['to'] });
export type CopyImageBody = z.input<typeof copyImageBodySchema>;

export const pushImageBodySchema = z.strictObject({
  service: serviceNameSchema,
  /** As the image's where it is absent. */
  name: imageNameSchema.nullable().default(null),
  /** Target of the one disk that it is to have, for an image of several. */
  disk: referenceSchema.nullable().default(null),
  visibility: z.enum(IMAGE_VISIBILITIES).nullable().default(null),
});
export type PushImageBody = z.input<typeof pushImageBodySchema>;

export const pullImageBodySchema = z.strictObject({
  service: serviceNameSchema,
  /** Its id there, or its name where only one has it. */
  image: referenceSchema,
  /** As it is called there where it is absent. */
  name: imageNameSchema.nullable().default(null),
});
export type PullImageBody = z.input<typeof pullImageBodySchema>;
