// The parameters of an operation: of its path, its query, its headers.
import { fieldOf, orEmpty } from './schemas.mjs';

const shared = (name) => ({ $ref: `#/components/parameters/${name}` });

const SETS = {
  page: ['page', 'limit'],
  cursor: ['cursor_limit', 'starting_after', 'ending_before', 'order'],
  period: ['dateFrom', 'dateTo', 'created_gte', 'created_lte'],
};

/** All of them, in the order in which they are sent. */
export function parametersOf(call, base, at) {
  return [
    ...[...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ofPath(name, call, base, at)),
    ...Object.entries(call.query ?? {}).map(([name, line]) => ofQuery(name, line, at)),
    ...(call.with ?? []).flatMap((set) => (SETS[set] ?? [set]).map(shared)),
    ...(call.sort ? [sort(call.sort)] : []),
    ...(call.expand ? [expand(call.expand)] : []),
    ...Object.entries(call.headers ?? {}).map(([name, line]) => ({ ...ofQuery(name, line, at), in: 'header' })),
    ...(call.idempotent ? [shared('idempotency_key')] : []),
  ];
}

/** Where an operation describes the part of its path itself, that counts. */
function ofPath(name, { of = {} }, base, at) {
  if (of[name]) {
    const { description, ...schema } = fieldOf(of[name], at);
    return { name, in: 'path', required: true, description, schema };
  }
  if (!base.parameters[name]) throw new Error(`${at}: {${name}} is described nowhere`);
  return shared(name);
}

function ofQuery(name, line, at) {
  const { description, ...schema } = orEmpty(fieldOf(line, `${at}: ${name}`));
  return { name, in: 'query', ...(description && { description }), schema };
}

function sort({ by }) {
  const names = by.map((name) => `\`${name}\``).join(', ');
  const directions = '`:asc` or `:desc` behind it, or `-` before it';
  return {
    name: 'sort',
    in: 'query',
    description: `One of ${names}, with ${directions}. Rows that are equal come in the order of their ids.`,
    schema: { type: 'string', default: 'created_at:desc', examples: [`-${by[0]}`] },
  };
}

function expand(names) {
  return {
    name: 'expand',
    in: 'query',
    description: 'What is shown in full beside the object: names with commas between them.',
    explode: false,
    schema: { type: 'array', items: { type: 'string', enum: names } },
  };
}
