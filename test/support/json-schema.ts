/** Just as much of JSON Schema 2020-12 as the document of the API uses; a keyword that is not known here is a failure. */
type Json = Readonly<Record<string, unknown>>;

const IGNORED = new Set(['description', 'default', 'propertyNames', 'x-response-description']);

/** What is wrong with a value, each with its place. */
export function validate(schema: unknown, value: unknown, root: Json, place = ''): readonly string[] {
  if (!isObject(schema)) return [`${place}: no schema`];
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    if (IGNORED.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (check === undefined) return [`${place}: keyword ${keyword} is not known`];
    return check(argument, { value, root, place, schema });
  });
}

interface Subject {
  readonly value: unknown;
  readonly root: Json;
  readonly place: string;
  readonly schema: Json;
}

type Check = (argument: unknown, subject: Subject) => readonly string[];

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (argument, { value, root, place }) => validate(resolve(root, String(argument)), value, root, place),
  type: (argument, { value, place }) =>
    listOf(argument).some((type) => typesOf(value).includes(String(type))) ? [] : [`${place}: is no ${argument}`],
  const: (argument, { value, place }) => (value === argument ? [] : [`${place}: is not ${argument}`]),
  enum: (argument, { value, place }) => (listOf(argument).includes(value) ? [] : [`${place}: is none of ${argument}`]),
  pattern: (argument, { value, place }) =>
    typeof value !== 'string' || new RegExp(String(argument), 'u').test(value) ? [] : [`${place}: is not ${argument}`],
  minimum: (argument, { value, place }) => (Number(value) >= Number(argument) ? [] : [`${place}: under ${argument}`]),
  maximum: (argument, { value, place }) => (Number(value) <= Number(argument) ? [] : [`${place}: over ${argument}`]),
  required: (argument, { value, place }) =>
    listOf(argument).flatMap((name) => (isObject(value) && String(name) in value ? [] : [`${place}/${name}: missing`])),
  properties: (argument, { value, root, place }) =>
    isObject(argument) && isObject(value)
      ? Object.entries(argument).flatMap(([name, inner]) =>
          name in value ? validate(inner, value[name], root, `${place}/${name}`) : [],
        )
      : [],
  additionalProperties: (argument, { value, root, place, schema }) => {
    const known = isObject(schema['properties']) ? schema['properties'] : {};
    const others = isObject(value) ? Object.entries(value).filter(([name]) => !(name in known)) : [];
    if (argument === false) return others.map(([name]) => `${place}/${name}: is not known`);
    return isObject(argument) && Object.keys(argument).length > 0
      ? others.flatMap(([name, inner]) => validate(argument, inner, root, `${place}/${name}`))
      : [];
  },
  items: (argument, { value, root, place }) =>
    Array.isArray(value) ? value.flatMap((item, index) => validate(argument, item, root, `${place}/${index}`)) : [],
  anyOf: (argument, { value, root, place }) =>
    listOf(argument).some((each) => validate(each, value, root, place).length === 0) ? [] : [`${place}: fits none`],
  allOf: (argument, { value, root, place }) => listOf(argument).flatMap((each) => validate(each, value, root, place)),
};

function resolve(root: Json, reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((found, key) => (isObject(found) ? found[key] : undefined), root);
}

function typesOf(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['number', 'integer'] : ['number'];
  return [typeof value];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
