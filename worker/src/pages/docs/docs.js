// Shows /openapi.json. Everything is written with textContent; of Markdown the document uses paragraphs, code, bold and links.
(() => {
  'use strict';

  const byId = (id) => document.getElementById(id);

  function el(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.flat().filter((child) => child != null && child !== ''));
    return node;
  }

  function link(href, text, className = '') {
    const node = el('a', className, text);
    node.href = href;
    return node;
  }

  // ---- Text --------------------------------------------------------------------------------------------------

  const MARKS = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((#[\w-]+|https:[^)]+)\)/g;

  function inline(text) {
    const parts = [];
    let end = 0;
    for (const match of text.matchAll(MARKS)) {
      parts.push(text.slice(end, match.index));
      const [whole, code, bold, label, target] = match;
      parts.push(code ? el('code', '', code) : bold ? el('strong', '', inline(bold)) : link(target, label));
      end = match.index + whole.length;
    }
    return [...parts, text.slice(end)];
  }

  const paragraphs = (text, className) => text.trim().split(/\n{2,}/).map((one) => el('p', className ?? '', inline(one)));

  // ---- Schemas -----------------------------------------------------------------------------------------------

  let api;

  /** What a reference leads to, with what stands beside it; the name it went by. */
  function resolve(node) {
    if (!node?.$ref) return { node: node ?? {}, name: '' };
    const { $ref, ...beside } = node;
    const name = $ref.split('/').at(-1);
    const found = $ref.slice(2).split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/')], api) ?? {};
    const text = [beside.description, found.enum && !beside.description ? found.description : ''].find(Boolean);
    return { node: { ...found, ...beside, description: text ?? (found.type === 'object' ? '' : found.description) }, name };
  }

  const isNull = (node) => node.type === 'null';

  /** The alternatives of a schema without null, and whether null is one. */
  function alternatives(node) {
    const all = node.anyOf ?? [node];
    const rest = all.filter((one) => !isNull(one));
    return { all: rest, mayBeNull: rest.length < all.length || [node.type].flat().includes('null') };
  }

  /** A type in words: `string, at most 255 characters`. Of what is sent null is an absent field, which goes without saying. */
  function typeOf(schema, isOpen) {
    const { node, name } = resolve(schema);
    const { all, mayBeNull } = alternatives(node);
    const words = all.length === 1 && all[0] === node ? [oneType(node, name)] : all.map((one) => typeOf(one, isOpen));
    return [...words, ...(mayBeNull && !isNull(node) && !isOpen ? ['null'] : [])].join(' or ');
  }

  function oneType(node, name) {
    if ('const' in node) return JSON.stringify(node.const);
    if (node.enum) return node.enum.filter((word) => word !== null).map((word) => JSON.stringify(word)).join(' | ');
    const types = [node.type ?? 'any'].flat().filter((type) => type !== 'null' || node.type === 'null');
    const [type] = types;
    if (type === 'array') return `list of ${typeOf(node.items)}${count(node)}`;
    if (type === 'object') return name || 'object';
    return `${types.join(' or ')}${limits(node)}`;
  }

  const count = ({ minItems, maxItems }) =>
    maxItems === undefined ? '' : minItems ? `, ${minItems} to ${maxItems}` : `, at most ${maxItems}`;

  function limits(node) {
    const { minLength, maxLength, minimum, maximum, exclusiveMinimum, pattern, format } = node;
    const said = [];
    if (format) said.push({ 'date-time': 'date and time', date: 'date', email: 'e-mail', uri: 'URL' }[format] ?? format);
    if (minLength !== undefined) said.push(`${minLength} to ${maxLength} characters`);
    else if (maxLength !== undefined) said.push(`at most ${maxLength} characters`);
    if (minimum !== undefined && maximum !== undefined) said.push(`${minimum} to ${maximum}`);
    else if (minimum !== undefined) said.push(`from ${minimum}`);
    if (exclusiveMinimum !== undefined) said.push(`more than ${exclusiveMinimum}`);
    if (pattern) said.push(pattern);
    return said.length ? `, ${said.join(', ')}` : '';
  }

  /** The objects that stand in a schema, behind lists and alternatives. */
  function objectsIn(schema) {
    const { node, name } = resolve(schema);
    if (node.properties) return [{ node, name }];
    if (node.items) return objectsIn(node.items);
    return node.anyOf ? node.anyOf.flatMap(objectsIn) : [];
  }

  const fallback = (node) => (node.default === undefined ? '' : ` (unless sent: ${JSON.stringify(node.default)})`);

  /** One line of a list of fields or parameters; `isOpen`: of what is sent. */
  function field(name, schema, { isNeeded, isOpen, text }) {
    const { node } = resolve(schema);
    const said = text ?? node.description;
    const type = el('p', 'type', typeOf(schema, isOpen) + fallback(node));
    const value = el('div', '', type, said ? el('p', 'text', inline(said)) : null);
    for (const one of objectsIn(schema)) {
      value.append(later(one.name ? `Fields of ${one.name}` : 'Fields', () => fields(one.node, isOpen)));
    }
    const mark = isOpen ? (isNeeded ? 'required' : '') : isNeeded ? '' : 'where asked for';
    return el('li', '', el('p', 'name', name, mark ? el('span', 'need', mark) : null), value);
  }

  function fields(node, isOpen) {
    const needed = node.required ?? [];
    const row = ([name, schema]) => field(name, schema, { isNeeded: needed.includes(name), isOpen });
    return el('ul', 'fields', ...Object.entries(node.properties).map(row));
  }

  /** Details whose content is made when they are opened. */
  function later(title, make, className = '') {
    const node = el('details', className, el('summary', '', title));
    node.addEventListener('toggle', () => { if (node.open && node.childElementCount === 1) node.append(make()); });
    return node;
  }

  /** An example of what is answered, out of the examples of its fields. */
  function example(schema) {
    const { node } = resolve(schema);
    if (node.examples) return node.examples[0];
    if ('const' in node) return node.const;
    if (node.anyOf) return example(node.anyOf.find((one) => !isNull(one)));
    const types = [node.type].flat();
    // What may be null and has no example is mostly null.
    if (types.includes('null')) return null;
    if (node.enum) return node.enum[0];
    if (node.properties) {
      return Object.fromEntries((node.required ?? []).map((name) => [name, example(node.properties[name])]));
    }
    if (types.includes('array')) return objectsIn(node.items).length ? [example(node.items)] : [];
    return { string: '', number: 0, integer: 0, boolean: false, object: {} }[types[0]] ?? null;
  }

  // ---- Operations --------------------------------------------------------------------------------------------

  const slug = (tag) => `tag-${tag.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;

  function sample(title, text) {
    return el('div', 'sample', el('p', '', title), el('pre', '', el('code', '', text)));
  }

  function whoMayCall(security) {
    const named = security.map((one) => Object.keys(one)[0]);
    if (named.length === 0) return 'Needs no key.';
    const kinds = { secretKey: 'a secret key', programToken: 'a program’s token' };
    const keys = named.filter(Boolean).map((name) => kinds[name]).join(' or ');
    const scopes = Object.values(security.at(-1))[0].join(' and ');
    return named.includes(undefined) ? `Needs no key; takes ${keys} with ${scopes}.` : `Needs ${keys} with ${scopes}.`;
  }

  function curl(method, path, parameters, body, security) {
    const filled = path.replaceAll(/\{(\w+)\}/g, (whole, name) => {
      const found = parameters.find((one) => one.in === 'path' && one.name === name);
      return example(found?.schema) || whole;
    });
    const key = security.some((one) => one.secretKey) ? ' \\\n  -H "Authorization: Bearer $KEY"' : '';
    const way = method === 'get' ? '' : ` -X ${method.toUpperCase()}`;
    const text = JSON.stringify(body, null, 2)?.replaceAll("'", "'\\''").replaceAll('\n', '\n  ');
    const type = "-H 'Content-Type: application/json'";
    const sent = text === undefined ? '' : ` \\\n  ${type} \\\n  -d '${text}'`;
    return `curl${way} ${location.origin}${filled}${key}${sent}`;
  }

  function parametersPart(parameters) {
    if (parameters.length === 0) return null;
    const places = { path: '(in the path)', query: '', header: '(header)' };
    const row = ({ name, in: place, required, description, schema }) => {
      const text = [places[place], description].filter(Boolean).join(' ');
      return field(name, schema, { isNeeded: required, isOpen: true, text });
    };
    return el('section', 'part', el('h4', '', 'Parameters'), el('ul', 'fields', ...parameters.map(row)));
  }

  function bodyPart(requestBody, shown) {
    const { schema, example: sent } = requestBody?.content['application/json'] ?? {};
    const part = el('section', 'part beside');
    if (schema) {
      const { node } = resolve(schema);
      const text = node.description && !node.enum ? el('p', 'note', inline(node.description)) : null;
      const title = requestBody.required ? 'Body' : 'Body, which may be left out';
      part.append(el('div', '', el('h4', '', title), text, fields(node, true)), sample('For example', shown(sent)));
    } else {
      part.classList.remove('beside');
      part.append(el('h4', '', 'For example'), sample('', shown(undefined)));
      part.querySelector('.sample > p').remove();
    }
    return part;
  }

  function answer(status, response) {
    const { node } = resolve(response);
    const isBad = Number(status) >= 400;
    const content = node.content?.['application/json'];
    const head = [el('span', `code${isBad ? ' bad' : ''}`, status), el('p', '', inline(node.description))];
    if (isBad || !content?.schema) return el('div', 'answer plain', ...head);
    const shown = el('details', 'answer', el('summary', '', ...head));
    shown.addEventListener('toggle', () => {
      if (!shown.open || shown.childElementCount > 1) return;
      const found = objectsIn(content.schema);
      const title = (one) => (found.length > 1 && one.name ? el('h4', '', one.name) : null);
      const lists = found.map((one) => el('div', '', title(one), fields(one.node, false)));
      const sent = sample('For example', JSON.stringify(example(content.schema), null, 2));
      shown.append(el('div', 'beside', el('div', '', ...lists), sent));
      // The envelope says little: what is in it is shown at once.
      shown.querySelector('.fields details')?.setAttribute('open', '');
    });
    return shown;
  }

  function operation(method, path, source) {
    const { operationId, summary, description = '', security, requestBody, responses } = source;
    const parameters = (source.parameters ?? []).map((one) => resolve(one).node);
    const node = el('article', 'operation',
      el('header', '',
        el('h3', '', link(`#${operationId}`, summary)),
        el('p', 'route', el('span', `method ${method}`, method.toUpperCase()), el('code', '', path)),
        el('div', 'says', ...paragraphs(description), el('p', 'key', whoMayCall(security)))),
      parametersPart(parameters),
      bodyPart(requestBody, (body) => curl(method, path, parameters, body, security)),
      el('section', 'part', el('h4', '', 'Answers'), ...Object.entries(responses).map(([status, one]) => answer(status, one))));
    node.id = operationId;
    return { node, id: operationId, text: searchText(method, path, source) };
  }

  /** Everything of an operation that somebody may look for. */
  function searchText(method, path, source) {
    const words = [method, path, JSON.stringify(source)];
    for (const [, name] of JSON.stringify(source).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      words.push(Object.keys(api.components.schemas[name].properties ?? {}).join(' '));
    }
    for (const one of Object.values(source.responses)) words.push(resolve(one).node.description ?? '');
    return words.join(' ').toLowerCase();
  }

  // ---- The page ----------------------------------------------------------------------------------------------

  function intro() {
    const { title, summary, description } = api.info;
    return el('section', 'intro', el('h1', '', `${title} API`), el('p', 'lead', summary), ...paragraphs(description));
  }

  function show() {
    const shown = [];
    const nav = byId('contents').querySelector('nav');
    const main = byId('main');
    main.append(intro());
    const all = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, source]) => ({ method, path, source })));
    for (const { name, description } of api.tags) {
      const found = all.filter(({ source }) => source.tags.includes(name));
      const operations = found.map(({ method, path, source }) => operation(method, path, source));
      const about = [el('h2', '', name), ...paragraphs(description, 'about')];
      const section = el('section', 'tag', ...about, ...operations.map(({ node }) => node));
      section.id = slug(name);
      main.append(section);
      const entries = found.map(({ source }) => el('li', '', link(`#${source.operationId}`, source.summary)));
      const group = el('div', '', el('h2', '', link(`#${section.id}`, name)), el('ul', '', ...entries));
      nav.append(group);
      shown.push({ section, group, operations: operations.map((one, place) => ({ ...one, entry: entries[place] })) });
    }
    search(shown);
    follow(nav, shown);
  }

  function search(shown) {
    const input = byId('search');
    const look = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const { section, group, operations } of shown) {
        const hits = operations.filter(({ node, entry, text }) => {
          const isHit = words.every((word) => text.includes(word));
          node.hidden = entry.hidden = !isHit;
          return isHit;
        });
        section.hidden = group.hidden = hits.length === 0;
        count += hits.length;
      }
      byId('main').querySelector('.intro').hidden = words.length > 0;
      byId('found').textContent = words.length ? `${count} found` : '';
    };
    input.addEventListener('input', look);
    input.form.addEventListener('submit', (event) => event.preventDefault());
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target === input) return;
      event.preventDefault();
      input.focus();
    });
  }

  /** Marks where the reader is; on a narrow screen a chosen entry closes the contents. */
  function follow(nav, shown) {
    const wide = matchMedia('(min-width: 64.01rem)');
    const fit = () => { byId('contents').open = wide.matches; };
    wide.addEventListener('change', fit);
    fit();
    nav.addEventListener('click', (event) => {
      if (event.target.closest('a') && !wide.matches) byId('contents').open = false;
    });
    const entries = new Map(shown.flatMap(({ operations }) => operations.map(({ node, entry }) => [node, entry.firstElementChild])));
    const watcher = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        if (!isIntersecting) continue;
        nav.querySelector('[aria-current]')?.removeAttribute('aria-current');
        entries.get(target).setAttribute('aria-current', 'true');
      }
    }, { rootMargin: '-15% 0px -75% 0px' });
    for (const node of entries.keys()) watcher.observe(node);
  }

  async function load() {
    const status = byId('status');
    try {
      const response = await fetch('/openapi.json');
      if (!response.ok) throw new Error(`status ${response.status}`);
      api = await response.json();
      show();
      status.textContent = '';
      // What the address names is there only now.
      if (location.hash.length > 1) byId(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    } catch (error) {
      status.classList.add('bad');
      status.textContent = `The document could not be shown (${error.message}). Reload to try again.`;
    }
  }

  load();
})();
