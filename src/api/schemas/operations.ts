import { z } from 'zod';
import type { DoctorReport } from '../../model/doctor.ts';
import { ERROR_CODES } from '../../model/errors.ts';
import { OPERATION_KINDS, OPERATION_STATUSES, type Operation } from '../../model/operation.ts';
import { optionalBody, referenceSchema } from './names.ts';
import { pageShape } from './pages.ts';

export const operationParamsSchema = z.object({ operation: referenceSchema });

export const operationListQuerySchema = z.strictObject({
  status: z.enum(OPERATION_STATUSES).exactOptional(),
  kind: z.enum(OPERATION_KINDS).exactOptional(),
  target: referenceSchema.exactOptional(),
  requestedBy: referenceSchema.exactOptional(),
  ...pageShape,
});

export const operationSchema: z.ZodType<Operation> = z.object({
  id: z.string(),
  kind: z.enum(OPERATION_KINDS),
  target: z.string(),
  requestedBy: z.string().nullable(),
  status: z.enum(OPERATION_STATUSES),
  step: z.string(),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.enum(['bytes', 'steps']) }).nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
  timings: z.record(z.string(), z.number()),
  result: z.object({
    imageId: z.string().exactOptional(),
    instanceId: z.string().exactOptional(),
    snapshotId: z.string().exactOptional(),
    snapshotIds: z.array(z.string()).exactOptional(),
    path: z.string().exactOptional(),
    volume: z
      .object({
        id: z.string(),
        instance: z.null(),
        target: z.null(),
        path: z.string(),
        format: z.string().nullable(),
        virtualSizeBytes: z.number(),
        sizeBytes: z.number(),
      })
      .exactOptional(),
    freedBytes: z.number().exactOptional(),
    uri: z.string().exactOptional(),
    serviceImageId: z.string().exactOptional(),
  }),
  warnings: z.array(z.string()),
});

export const doctorBodySchema = optionalBody(z.strictObject({ isRepairing: z.boolean().default(false) }));

export const doctorReportSchema: z.ZodType<DoctorReport> = z.object({
  checks: z.array(
    z.object({
      id: z.string(),
      status: z.enum(['ok', 'warning', 'error']),
      message: z.string(),
      remedy: z.string().nullable(),
      isRepaired: z.boolean(),
    }),
  ),
  isHealthy: z.boolean(),
});
