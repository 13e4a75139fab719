// From the notation of docs/openapi to JSON Schema.

const FORMS = {
  string: { type: 'string' },
  number: { type: 'number' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  object: { type: 'object' },
  any: {},
  null: { type: 'null' },
  moment: { type: 'string', format: 'date-time' },
  day: { type: 'string', format: 'date' },
  uri: { type: 'string', format: 'uri' },
  // The longest that mail systems carry.
  email: { type: 'string', format: 'email', maxLength: 254 },
};

// `TYPE = DEFAULT ~ EXAMPLE -- DESCRIPTION`
const LINE = /^(?<type>.+?)(?: = (?<standard>.+?))?(?: ~ (?<example>.+?))?(?: -- (?<text>.+))?$/s;
// `WORD<=255[]{1..3}?`
const BOUNDS = /(?<bounds><=\d+|>\d+|>=\d+| \d+\.\.\d+)?/.source;
const LIST = /(?<list>\[\])?(?:\{(?<count>\d*\.\.\d*)\})?/.source;
const TYPE = new RegExp(`^(?<word>.+?)${BOUNDS}${LIST}(?<maybe>\\?)?$`, 's');

/** The schema of one line: `TYPE = DEFAULT ~ EXAMPLE -- DESCRIPTION`; `mayBeNull` whatever the line says. */
export function fieldOf(line, at, mayBeNull = false) {
  if (typeof line !== 'string') throw new Error(`${at}: no line: ${JSON.stringify(line)}`);
  const { type, standard, example, text } = line.trim().match(LINE)?.groups ?? {};
  if (!type) throw new Error(`${at}: cannot be read: ${line}`);
  const schema = typeOf(type.trim(), at, mayBeNull);
  // What stands beside a reference is about this place.
  if (standard !== undefined) schema.default = value(standard, schema);
  if (example !== undefined) schema.examples = [value(example, schema)];
  if (text !== undefined) schema.description = text.trim().replaceAll(/\s+/g, ' ');
  return schema;
}

function typeOf(type, at, mayBeNull) {
  const { word, bounds, list, count, maybe } = type.match(TYPE).groups;
  let schema = bounded(wordOf(word.trim(), at), bounds?.trim());
  if (list) schema = counted({ type: 'array', items: schema }, count);
  return maybe || mayBeNull ? orNull(schema) : schema;
}

function wordOf(word, at) {
  if (word.startsWith('is ')) return { const: literal(word.slice(3)) };
  if (word.startsWith('/') && word.endsWith('/')) return { type: 'string', pattern: word.slice(1, -1) };
  if (word.includes('|')) {
    const words = word.split('|');
    // Several schemas, or several words.
    if (words.every((one) => /^[A-Z]/.test(one) && !/^[A-Z]+$/.test(one))) return { anyOf: words.map(reference) };
    if (words.every((one) => FORMS[one])) return { type: words.map((one) => FORMS[one].type) };
    return { type: 'string', enum: words };
  }
  if (/^[A-Z]\w*$/.test(word)) return reference(word);
  if (!FORMS[word]) throw new Error(`${at}: no such type: ${word}`);
  return { ...FORMS[word] };
}

const reference = (name) => ({ $ref: `#/components/schemas/${name}` });

function bounded(schema, bounds) {
  if (!bounds) return schema;
  const isText = schema.type === 'string';
  const range = bounds.match(/^(\d+)\.\.(\d+)$/);
  const most = bounds.match(/^<=(\d+)$/);
  const more = bounds.match(/^>(\d+)$/);
  const least = bounds.match(/^>=(\d+)$/);
  if (range) {
    const [low, high] = range.slice(1).map(Number);
    return { ...schema, ...(isText ? { minLength: low, maxLength: high } : { minimum: low, maximum: high }) };
  }
  if (most) return { ...schema, ...(isText ? { maxLength: Number(most[1]) } : { maximum: Number(most[1]) }) };
  if (more) return { ...schema, exclusiveMinimum: Number(more[1]) };
  return { ...schema, minimum: Number(least[1]) };
}

function counted(schema, count) {
  if (!count) return schema;
  const [low, high] = count.split('..');
  return { ...schema, ...(low && { minItems: Number(low) }), ...(high && { maxItems: Number(high) }) };
}

function orNull(schema) {
  if (Object.keys(schema).length === 0) return schema;
  if (schema.enum) return { ...schema, type: [schema.type, 'null'], enum: [...schema.enum, null] };
  if (schema.type && !schema.$ref) return { ...schema, type: [schema.type, 'null'].flat() };
  if (schema.anyOf) return { anyOf: [...schema.anyOf, { type: 'null' }] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** A default or an example: JSON where it can be read as JSON and is no text. */
function value(text, schema) {
  const types = [schema.type ?? []].flat();
  return types.includes('string') && !types.includes('number') ? text : literal(text);
}

function literal(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * A named schema: a line; `closed` fields of an answer, all there unless the name ends in `?`; `open` fields of a request,
 * absent or null unless the name ends in `*`; `extends`: the fields of another one first.
 */
export function schemaOf(source, sources, at) {
  if (typeof source === 'string') return fieldOf(source, at);
  const { extends: parent, closed, open, text, ...more } = source;
  const beyond = Object.keys(more);
  if (beyond.length > 0) throw new Error(`${at}: ${beyond} mean nothing`);
  const inherited = parent ? fieldsOf(parent, sources, at) : {};
  const fields = { ...inherited, ...(closed ?? open) };
  const description = text && { description: text.trim() };
  return { ...(closed ? closedObject(fields, at) : openObject(fields, at)), ...description };
}

function fieldsOf(name, sources, at) {
  const parent = sources[name];
  if (!parent) throw new Error(`${at}: nothing is called ${name}`);
  const inherited = parent.extends ? fieldsOf(parent.extends, sources, at) : {};
  return { ...inherited, ...(parent.closed ?? parent.open) };
}

/** Fields by their bare names, each with its mark and line. One that is there again is described by its last line. */
function named(fields) {
  const all = new Map();
  for (const [name, line] of Object.entries(fields)) all.set(name.replace(/[?*]$/, ''), { mark: name.match(/[?*]$/)?.[0], line });
  return [...all];
}

function closedObject(fields, at) {
  const all = named(fields);
  return {
    type: 'object',
    required: all.filter(([, { mark }]) => mark !== '?').map(([name]) => name),
    properties: Object.fromEntries(all.map(([name, { line }]) => [name, fieldOf(line, `${at}.${name}`)])),
    additionalProperties: false,
  };
}

function openObject(fields, at) {
  const all = named(fields);
  const required = all.filter(([, { mark }]) => mark === '*').map(([name]) => name);
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(all.map(([name, { mark, line }]) => [name, sent(line, `${at}.${name}`, mark === '*')])),
  };
}

/** A field of a body that is sent, absent or null unless it is required. */
function sent(line, at, isRequired) {
  const schema = fieldOf(line, at, !isRequired);
  return isRequired ? schema : orEmpty(schema, { type: ['string', 'null'], enum: ['', null] });
}

/** An empty text is an absent one, also where it fits no format. */
export function orEmpty(schema, absent = { const: '' }) {
  if (!['email', 'uri'].includes(schema.format)) return schema;
  const { examples, description, ...form } = schema;
  return { anyOf: [{ ...form, type: 'string' }, absent], ...(examples && { examples }), ...(description && { description }) };
}

/** The body of a call: the name of a schema, or its fields. */
export function bodyOf(body, sources, at) {
  return typeof body === 'string' ? fieldOf(body, at) : schemaOf(body, sources, `${at}: body`);
}
