import type { FastifySchema, RouteOptions } from 'fastify';
import { ERROR_TABLE } from '../../api/error-table.ts';
import type { ErrorCode } from '../../model/errors.ts';
import { isReading } from '../authorise.ts';
import { isObject, type Json, OPTIONAL_MARK } from './finish-document.ts';

type Described = Pick<RouteOptions, 'method' | 'url' | 'schema' | 'config'>;

const KEY_HEADER = {
  type: 'object',
  properties: {
    'Idempotency-Key': {
      type: 'string',
      pattern: '^[!-~]{1,255}$',
      description: 'Sent again under the same key, the same request is the same operation; another one is a conflict.',
    },
  },
};

/** What a route's own words, its role and its failures add to its schemas, which are JSON schemas by now. */
export function describeRoute(route: Described, schema: FastifySchema): Json {
  const { isWork, summary, needs } = route.config ?? {};
  const role = needs ?? (isReading(String(route.method)) ? 'reader' : 'operator');
  return {
    ...schema,
    ...describeBody(route, schema.body),
    ...(isWork === true ? { headers: KEY_HEADER } : {}),
    summary: summary ?? '',
    description: role === 'anybody' ? 'Open to all.' : `Needs the role ${role}.`,
    operationId: nameRoute(route),
    tags: [route.url.split('/').find((part) => part !== '' && part !== 'v1') ?? 'host'],
    ...(role === 'anybody' ? { security: [] } : {}),
    response: { ...describeAnswers(schema.response), ...describeFailures(codesOf(route)) },
  };
}

/** One of which every field has a default may be left out. */
function describeBody({ schema }: Described, body: unknown): Json {
  const mayBeLeftOut = isChecker(schema?.body) && schema.body.safeParse(undefined).success;
  return isObject(body) && mayBeLeftOut ? { body: { ...body, [OPTIONAL_MARK]: true } } : {};
}

function isChecker(schema: unknown): schema is { safeParse(value: unknown): { success: boolean } } {
  return typeof schema === 'object' && schema !== null && 'safeParse' in schema;
}

/** `getImagesImage` for `GET /v1/images/:image`. */
function nameRoute({ method, url }: Described): string {
  const words = url.replace(/^\/v1\//, '/').split(/[^A-Za-z0-9]+/);
  const name = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('');
  return `${String(method).toLowerCase()}${name}`;
}

const LINK = { type: 'string', description: 'rel="next": the next page, where there is one (RFC 8288).' };
const LOCATION = { type: 'string', description: 'Path of the operation.' };
const WORDS: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Made',
  202: 'It runs',
  204: 'Gone',
  503: 'Not now',
};

function describeAnswers(answers: unknown): Json {
  if (!isObject(answers)) return {};
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      isObject(answer) ? describeAnswer(status, answer) : answer,
    ]),
  );
}

function describeAnswer(status: string, answer: Json): Json {
  const words = { description: WORDS[status] ?? '', 'x-response-description': WORDS[status] ?? '' };
  if (status === '202') return { ...answer, ...words, headers: { Location: LOCATION } };
  return answer['type'] === 'array' ? { ...answer, ...words, headers: { Link: LINK } } : { ...answer, ...words };
}

/** Its own, and those that follow from what it is. */
function codesOf({ method, schema, config }: Described): readonly ErrorCode[] {
  const { errors = [], isWork, isStream, needs } = config ?? {};
  const isGuarded = needs !== 'anybody';
  const isAbove = isGuarded && (needs === 'admin' || !isReading(String(method)));
  const takes = schema?.params ?? schema?.querystring ?? schema?.body ?? schema?.headers;
  const common: readonly (readonly [boolean, ...ErrorCode[]])[] = [
    [takes !== undefined, 'INVALID_REQUEST'],
    [isGuarded, 'UNAUTHENTICATED'],
    [isAbove, 'FORBIDDEN'],
    [!isReading(String(method)), 'AGENT_STOPPING'],
    [isWork === true, 'TOO_MANY_REQUESTS', 'IDEMPOTENCY_CONFLICT'],
    [isStream === true, 'TOO_MANY_REQUESTS'],
    [true, 'INTERNAL'],
  ];
  return [...new Set([...common.flatMap(([applies, ...codes]) => (applies ? codes : [])), ...errors])];
}

/** Codes that look the same over HTTP are one answer. */
function describeFailures(codes: readonly ErrorCode[]): Json {
  const byStatus = groupByStatus(codes);
  return Object.fromEntries([...byStatus].map(([status, same]) => [String(status), describeFailure(same)]));
}

function groupByStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { httpStatus } = ERROR_TABLE[code];
    groups.set(httpStatus, [...(groups.get(httpStatus) ?? []), code]);
  }
  return groups;
}

function describeFailure(codes: readonly ErrorCode[]): Json {
  const narrowed = { properties: { error: { properties: { code: { enum: codes } } } } };
  return {
    description: codes.join(', '),
    content: {
      'application/json': { schema: { allOf: [{ $ref: '#/components/schemas/Error' }, narrowed] } },
    },
  };
}
