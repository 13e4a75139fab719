// scripts/build-openapi.mjs: puts docs/openapi/*.yaml together into docs/openapi/openapi.json, which the Worker carries and
// serves. The notation of the sources: docs/openapi/README.md. Whatever does not fit together is an error here.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { bodyOf, fieldOf, schemaOf } from './openapi/schemas.mjs';
import { answersOf, Responses } from './openapi/answers.mjs';
import { parametersOf } from './openapi/parameters.mjs';

const folder = join(import.meta.dirname, '../docs/openapi');
const read = (name) => parse(readFileSync(join(folder, `${name}.yaml`), 'utf8'));

const base = read('document');
const files = base.files.map((name) => ({ name, ...read(name) }));
const sources = Object.assign({}, base.schemas, ...files.map((file) => file.schemas ?? {}));
const responses = new Responses();

const paths = {};
for (const file of files) {
  for (const [route, source] of Object.entries(file.operations)) {
    const [method, path] = route.split(' ');
    paths[path] ??= {};
    if (paths[path][method.toLowerCase()]) throw new Error(`${route} is there twice`);
    paths[path][method.toLowerCase()] = operation(file, method, path, source);
  }
}

function operation(file, method, path, source) {
  const at = `${file.name}.yaml: ${method} ${path}`;
  const { id, summary, text, repeat } = source;
  if (!id || !summary || !repeat) throw new Error(`${at} needs id, summary and repeat`);
  const call = { method, path, dialect: path.startsWith('/api/') ? 'affitor' : 'affonso', ...source };
  const parameters = parametersOf(call, base, at);
  return {
    tags: [file.tag],
    operationId: id,
    summary,
    description: [text, `**Repeated:** ${repeat}`].filter(Boolean).map((part) => part.trim()).join('\n\n'),
    security: security(call, at),
    ...(parameters.length > 0 && { parameters }),
    ...(source.body && { requestBody: requestBody(call, at) }),
    responses: answersOf(call, responses, at),
  };
}

/** Who may call: a word per kind of route, and the scopes that a key needs. */
function security({ key = 'secret', scope = [] }, at) {
  const scopes = [scope].flat();
  if ((scopes.length > 0) !== (key !== 'none')) throw new Error(`${at}: a route that takes keys names its scope, and no other`);
  const kinds = {
    secret: [{ secretKey: scopes }],
    any: [{ programToken: scopes }, { secretKey: scopes }],
    optional: [{}, { programToken: scopes }, { secretKey: scopes }],
    none: [],
  };
  if (!kinds[key]) throw new Error(`${at}: no such kind of key: ${key}`);
  return kinds[key];
}

function requestBody({ body, body_optional: isOptional = false, example }, at) {
  if (example === undefined) throw new Error(`${at} needs an example`);
  return { required: !isOptional, content: { 'application/json': { schema: bodyOf(body, sources, at), example } } };
}

const document = {
  openapi: '3.1.0',
  info: base.info,
  servers: base.servers,
  tags: files.map(({ tag, about }) => ({ name: tag, description: about.trim() })),
  paths,
  components: {
    securitySchemes: base.security_schemes,
    headers: mapped(base.headers, header),
    parameters: mapped(base.parameters, parameter),
    schemas: mapped(sources, (source, name) => schemaOf(source, sources, name)),
    responses: responses.all,
  },
};

function mapped(all, make) {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, make(one, name)]));
}

function header(text) {
  const { description, ...schema } = fieldOf(text, 'headers');
  return { description, schema };
}

function parameter({ name, in: place = 'query', of }) {
  const { description, ...schema } = fieldOf(of, name);
  return { name, in: place, ...(place === 'path' && { required: true }), description, schema };
}

/** Every reference leads somewhere, and every schema is led to. */
function checkReferences(text) {
  const references = text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g);
  const referred = new Set([...references].map(([, kind, name]) => `${kind}/${name}`));
  for (const reference of referred) {
    const [kind, name] = reference.split('/');
    if (document.components[kind]?.[name] === undefined) throw new Error(`nothing is called ${reference}`);
  }
  for (const kind of ['schemas', 'parameters', 'headers']) {
    for (const name of Object.keys(document.components[kind])) {
      if (!referred.has(`${kind}/${name}`)) throw new Error(`nothing refers to ${kind}/${name}`);
    }
  }
}

function checkIds() {
  const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  const twice = ids.find((id, place) => ids.indexOf(id) !== place);
  if (twice) throw new Error(`two operations are called ${twice}`);
}

const text = JSON.stringify(document);
checkReferences(text);
checkIds();
const target = join(folder, 'openapi.json');
// Left alone where nothing has changed: what carries it is not compiled anew.
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
