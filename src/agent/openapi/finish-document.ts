import { MAX_LISTED } from '../../api/schemas/pages.ts';

/** As JSON schema and OpenAPI have them. */
export type Json = Readonly<Record<string, unknown>>;

/** On the schema of a body that may be left out; the generator has no word for it. */
export const OPTIONAL_MARK = 'x-may-be-left-out';

const SECURITY_SCHEMES = {
  token: { type: 'http', scheme: 'bearer', description: 'The token of a principal of this host.' },
  certificate: { type: 'mutualTLS', description: 'A client certificate whose common name is a principal.' },
};

/** With neither: over the unix socket, as the administrator of the host. */
const SECURITY = [{ token: [] }, { certificate: [] }, {}];

/** Puts right what the generators cannot know, at every depth of a document. */
export function finishDocument(document: Json): Json {
  const { components, ...rest } = document;
  const schemas = isObject(components) && isObject(components['schemas']) ? components['schemas'] : {};
  return {
    ...finishAll(rest),
    security: SECURITY,
    // the generator makes one of each for requests too, and no request holds any
    components: { securitySchemes: SECURITY_SCHEMES, schemas: withoutInputs(schemas) },
  };
}

function withoutInputs(schemas: Json): Json {
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => !name.endsWith('Input')));
}

function finishAll(json: Json): Json {
  const entries = Object.entries(json).filter(([key]) => key !== OPTIONAL_MARK);
  return Object.fromEntries(entries.map(([key, value]) => [key, finish(key, value)]));
}

function finish(key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => finish(key, item));
  if (!isObject(value)) return value;
  if (key === 'requestBody') return { ...finishAll(value), required: !JSON.stringify(value).includes(OPTIONAL_MARK) };
  // text in a URL, but a number to whoever builds one
  if (key === 'parameters' && value['name'] === 'limit')
    return { ...value, schema: { type: 'integer', minimum: 1, maximum: MAX_LISTED } };
  return finishAll(value);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
