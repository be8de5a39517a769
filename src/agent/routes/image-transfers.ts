import { API_ROOT } from '../../api/paths.ts';
import { copyImageBodySchema, pullImageBodySchema, pushImageBodySchema } from '../../api/schemas/image-transfers.ts';
import { imageParamsSchema } from '../../api/schemas/images.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { submit } from '../submit.ts';
import { FINDING, MAKING, UNLOCKING } from './images.ts';

const IMAGES = `${API_ROOT}/images`;
const READING: readonly ErrorCode[] = [...FINDING, 'STORE_NOT_FOUND', 'IMAGE_STATE', 'IMAGE_BUSY'];
const SERVICE: readonly ErrorCode[] = ['IMAGE_SERVICE_UNUSABLE', 'IMAGE_SERVICE_FAILED', 'COPY_FAILED'];

/** Images that come from elsewhere and go there. */
export function addImageTransferRoutes(app: ApiApp): void {
  const response = { 202: operationSchema };

  app.post(
    `${IMAGES}/:image/copy`,
    {
      schema: { params: imageParamsSchema, body: copyImageBodySchema, response },
      config: {
        isWork: true,
        summary: 'Copies an image to another store, or from one; it keeps its id',
        errors: [...READING, 'PATH_NOT_ALLOWED', 'NO_SPACE', 'QUOTA_EXCEEDED', 'COPY_FAILED', 'STORE_WRITE_FAILED'],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.copy', image: request.params.image, ...request.body }),
  );

  app.post(
    `${IMAGES}/:image/push`,
    {
      schema: { params: imageParamsSchema, body: pushImageBodySchema, response },
      config: {
        isWork: true,
        summary: 'Copies an image of one disk, or one disk of it, to an OpenStack image service',
        errors: [...READING, ...SERVICE, 'DISK_MISSING', 'NO_SPACE', 'QUOTA_EXCEEDED', ...UNLOCKING],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.push', image: request.params.image, ...request.body }),
  );

  app.post(
    `${IMAGES}/pull`,
    {
      schema: { body: pullImageBodySchema, response },
      config: {
        isWork: true,
        summary: 'Makes an image of one of an OpenStack image service',
        errors: [
          ...(['IMAGE_NOT_FOUND', 'AMBIGUOUS_NAME', 'STORE_NOT_FOUND', 'IMAGE_STATE', 'IMAGE_REJECTED'] as const),
          ...SERVICE,
          ...MAKING,
        ],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'image.pull', ...request.body }),
  );
}
