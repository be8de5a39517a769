import { z } from 'zod';
import { sectionName } from './section-schema.ts';
import { absolutePath, choice, serverUrl, text } from './value-schemas.ts';

const AUTH_KINDS = ['none', 'password', 'application_credential'] as const;
type AuthKind = (typeof AUTH_KINDS)[number];

/** Keys that each kind needs, and those that it may have besides. */
const AUTH_KEYS = {
  none: { needed: ['endpoint'], possible: [] },
  password: {
    needed: ['auth_url', 'username', 'password_file', 'project'],
    possible: ['user_domain', 'project_domain'],
  },
  application_credential: {
    needed: ['auth_url', 'application_credential_id', 'application_credential_secret_file'],
    possible: [],
  },
} as const satisfies Record<AuthKind, { needed: readonly string[]; possible: readonly string[] }>;

/** Known whatever the kind. */
const COMMON = ['endpoint', 'auth', 'region', 'interface', 'ca'];

const serviceSchema = z
  .strictObject(
    {
      endpoint: serverUrl.nullish(),
      auth: choice(AUTH_KINDS).nullish(),
      auth_url: serverUrl.nullish(),
      username: text.nullish(),
      user_domain: text.nullish(),
      password_file: absolutePath.nullish(),
      project: text.nullish(),
      project_domain: text.nullish(),
      application_credential_id: text.nullish(),
      application_credential_secret_file: absolutePath.nullish(),
      region: text.nullish(),
      interface: choice(['public', 'internal', 'admin']).nullish(),
      ca: absolutePath.nullish(),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'must hold endpoint, or auth and what it needs' : undefined) },
  )
  .check((context) => {
    const given = Object.entries(context.value).flatMap(([key, value]) => ((value ?? null) === null ? [] : [key]));
    const fault = findFault(given, context.value.auth ?? null);
    if (fault !== null) context.issues.push({ code: 'custom', input: null, ...fault });
  });

function findFault(given: readonly string[], auth: AuthKind | null) {
  const foreign = given.filter((key) => !COMMON.includes(key));
  const [first] = foreign;
  if (auth === null && first !== undefined) {
    return { path: ['auth'], message: `is needed beside ${first}: password or application_credential` };
  }
  const kind = auth ?? 'none';
  const { needed, possible } = AUTH_KEYS[kind];
  const missing = needed.find((key) => !given.includes(key));
  if (missing !== undefined) return { path: [missing], message: `is needed with auth: ${kind}` };
  const allowed: readonly string[] = [...needed, ...possible];
  const needless = foreign.find((key) => !allowed.includes(key));
  return needless === undefined ? null : { path: [needless], message: `is not for auth: ${kind}` };
}

export type ServiceEntry = z.output<typeof serviceSchema>;

/** Image services of the settings file by their names. */
export const GLANCE = {
  name: 'glance',
  keys: Object.keys(serviceSchema.shape),
  schema: z.record(sectionName, serviceSchema, {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'must hold image services as "name: { endpoint: … }"' : undefined,
  }),
};
