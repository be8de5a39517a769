import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import {
  type CreateImageWish,
  createImageBodySchema,
  deleteImageQuerySchema,
  exportImageBodySchema,
  imageListQuerySchema,
  imageParamsSchema,
  imageSchema,
  importImageBodySchema,
  updateImageBodySchema,
  verifyImageBodySchema,
} from '../../api/schemas/images.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import { DarkroomError, type ErrorCode } from '../../model/errors.ts';
import type { OperationRequest } from '../../model/requests.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';
import { submit } from '../submit.ts';

const IMAGES = `${API_ROOT}/images`;
/** Whatever looks for an image by name may meet these. */
export const FINDING: readonly ErrorCode[] = ['IMAGE_NOT_FOUND', 'AMBIGUOUS_NAME', 'IMAGE_DAMAGED', 'STORE_UNUSABLE'];
/** Whatever reads the disks of an image that may be encrypted. */
export const UNLOCKING: readonly ErrorCode[] = ['ENCRYPTION_KEY_MISSING', 'ENCRYPTION_KEY_WRONG'];
/** Whatever makes one. */
export const MAKING: readonly ErrorCode[] = ['NO_SPACE', 'QUOTA_EXCEEDED', 'STORE_UNUSABLE', 'TOOL_MISSING'];
/** Whatever captures an instance. */
export const CAPTURING: readonly ErrorCode[] = [
  ...(['INSTANCE_NOT_FOUND', 'INSTANCE_BUSY', 'INSTANCE_STATE', 'INSTANCE_FROZEN'] as const),
  ...(['QUIESCE_UNAVAILABLE', 'NO_DISKS', 'DISK_MISSING', 'DISK_UNSUPPORTED', 'INSTANCE_UNSUPPORTED'] as const),
  ...(['INTERNAL_SNAPSHOTS', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'] as const),
  ...MAKING,
];

/** Whatever reads a snapshot with all that it stands on. */
export const READING_SNAPSHOT: readonly ErrorCode[] = [
  ...(['SNAPSHOT_NOT_FOUND', 'SNAPSHOT_BUSY', 'SNAPSHOT_STATE', 'SNAPSHOT_DAMAGED'] as const),
  ...UNLOCKING,
];

export function addImageRoutes(app: ApiApp): void {
  addImageRecordRoutes(app);
  addImageWorkRoutes(app);
}

function addImageRecordRoutes(app: ApiApp): void {
  app.get(
    IMAGES,
    {
      schema: { querystring: imageListQuerySchema, response: { 200: listOf(imageSchema) } },
      config: { summary: 'Images that the caller may see, newest first', errors: ['STORE_UNUSABLE'] },
    },
    (request, reply) => answerPage(request, reply, request.application.images.list),
  );

  app.get(
    `${IMAGES}/:image`,
    {
      schema: { params: imageParamsSchema, response: { 200: imageSchema } },
      config: { summary: 'One image', errors: FINDING },
    },
    ({ application, params }) => application.images.show(params.image),
  );

  app.patch(
    `${IMAGES}/:image`,
    {
      schema: { params: imageParamsSchema, body: updateImageBodySchema, response: { 200: imageSchema } },
      config: { summary: "Changes of an image's record", errors: [...FINDING, 'IMAGE_STATE', 'IMAGE_BUSY'] },
    },
    ({ application, params, body: { protected: isProtected, ...changes } }) =>
      application.images.update(params.image, { ...changes, ...(isProtected === undefined ? {} : { isProtected }) }),
  );
}

function addImageWorkRoutes(app: ApiApp): void {
  const accepted = { 202: operationSchema };

  app.post(
    IMAGES,
    {
      schema: { body: createImageBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Captures an instance as an image, or makes one from a snapshot',
        errors: [...CAPTURING, ...READING_SNAPSHOT],
      },
    },
    (request, reply) => submit(request, reply, toImageRequest(request.body)),
  );

  app.post(
    `${IMAGES}/import`,
    {
      schema: { body: importImageBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Takes in a disk or an exported image',
        errors: ['PATH_NOT_ALLOWED', 'DISK_MISSING', 'IMAGE_REJECTED', ...MAKING],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.import', ...request.body }),
  );

  app.post(
    `${IMAGES}/:image/export`,
    {
      schema: { params: imageParamsSchema, body: exportImageBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Writes an image to a file or folder of the host',
        errors: [...FINDING, 'IMAGE_STATE', 'IMAGE_BUSY', 'PATH_NOT_ALLOWED', 'NO_SPACE', ...UNLOCKING],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.export', image: request.params.image, ...request.body }),
  );

  app.post(
    `${IMAGES}/:image/verify`,
    {
      schema: { params: imageParamsSchema, body: verifyImageBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Reads an image whole and, if wanted, boots it',
        errors: [...FINDING, 'IMAGE_STATE', 'IMAGE_BUSY', 'NO_SPACE', ...UNLOCKING],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.verify', image: request.params.image, ...request.body }),
  );

  app.delete(
    `${IMAGES}/:image`,
    {
      schema: { params: imageParamsSchema, querystring: deleteImageQuerySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Deletes an image: for its recycle period, or for good',
        errors: [...FINDING, 'IMAGE_BUSY', 'IMAGE_IN_USE', 'IMAGE_PROTECTED', 'LIBVIRT_FAILED'],
      },
    },
    (request, reply) => {
      const { isPurged } = request.query;
      const purge = isPurged ? { isPurged } : {};
      return submit(request, reply, { kind: 'image.delete', image: request.params.image, ...purge });
    },
  );
}

function toImageRequest(body: CreateImageWish): OperationRequest {
  const { instance, fromSnapshot, consistency = 'auto', isGeneralized, ...image } = body;
  if (fromSnapshot !== undefined) return { kind: 'image.from-snapshot', snapshot: fromSnapshot, ...image };
  // its schema has seen to it that there is one
  if (instance === undefined) throw new DarkroomError('INVALID_REQUEST', 'instance: must be given, or fromSnapshot.');
  return { kind: 'image.create', instance, consistency, isGeneralized, ...image };
}
