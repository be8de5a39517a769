import { z } from 'zod';
import { DarkroomError, ERROR_CODES } from '../../model/errors.ts';
import {
  type JournalledOperation,
  OPERATION_KINDS,
  OPERATION_STATUSES,
  type Operation,
  type OperationProgress,
  type OperationResult,
} from '../../model/operation.ts';

/** What people are told of an operation, but for what stands in columns of its own. */
export type OperationDocument = Pick<Operation, 'target' | 'endedAt' | 'error' | 'timings' | 'result' | 'warnings'>;

const row = z.object({
  id: z.string(),
  kind: z.enum(OPERATION_KINDS),
  status: z.enum(OPERATION_STATUSES),
  started_at: z.string(),
  step: z.string(),
  requested_by: z.string().nullable(),
  revision: z.number(),
  owner_pid: z.number(),
  owner_start_ticks: z.number(),
  owner_boot_id: z.string(),
  is_cancel_requested: z.number(),
  progress: z.string().nullable(),
  plan: z.string().nullable(),
  document: z.string(),
});

const progress = z.object({ done: z.number(), total: z.number(), unit: z.enum(['bytes', 'steps']) }).nullable();

// Of every field of a result, or it would be lost on its way through the journal.
const resultFields = {
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
} satisfies Record<keyof OperationResult, z.ZodType>;

const result = z.object(resultFields);

// A field that was spoilt is dropped rather than the whole operation: its recovery matters more.
const document = z.object({
  target: z.string().catch('unknown'),
  endedAt: z.string().nullable().catch(null),
  error: z
    .object({ code: z.enum(ERROR_CODES).catch('INTERNAL'), message: z.string() })
    .nullable()
    .catch(null),
  timings: z.record(z.string(), z.number()).catch({}),
  result: result.catch({}),
  warnings: z.array(z.string()).catch([]),
});

/** INTERNAL for a row that a newer Darkroom wrote with words that we do not know. */
export function parseRow(value: unknown): JournalledOperation {
  const parsed = row.safeParse(value);
  if (!parsed.success) {
    throw new DarkroomError('INTERNAL', `The journal holds an operation that cannot be read: ${parsed.error.message}`);
  }
  const { data } = parsed;
  return {
    operation: {
      id: data.id,
      kind: data.kind,
      status: data.status,
      step: data.step,
      progress: parseProgress(data.progress),
      startedAt: data.started_at,
      requestedBy: data.requested_by,
      ...parseDocument(data.document),
    },
    owner: { pid: data.owner_pid, startTicks: data.owner_start_ticks, bootId: data.owner_boot_id },
    plan: data.plan === null ? null : parseJson(data.plan),
    isCancelRequested: data.is_cancel_requested !== 0,
    revision: data.revision,
  };
}

export function parseDocument(text: string): OperationDocument {
  const parsed = document.safeParse(parseJson(text));
  return parsed.success ? parsed.data : { ...document.parse({}), warnings: ['its record in the journal was damaged'] };
}

/** Adds what is newly known: entries of the same name are replaced, warnings are not repeated. */
export function addFacts<Facts extends Pick<Operation, 'timings' | 'result' | 'warnings'>>(
  known: Facts,
  added: Partial<Pick<Operation, 'timings' | 'result' | 'warnings'>>,
): Facts {
  return {
    ...known,
    timings: { ...known.timings, ...added.timings },
    result: { ...known.result, ...added.result },
    warnings: [...new Set([...known.warnings, ...(added.warnings ?? [])])],
  };
}

function parseProgress(text: string | null): OperationProgress | null {
  return text === null ? null : progress.catch(null).parse(parseJson(text));
}

/** Text that is not JSON stays text, so that a spoilt plan still counts as one. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
