// The answers of an operation: what it is about in its dialect's envelope, and everything that can go wrong.
import { fieldOf } from './schemas.mjs';

const AUTHENTICATION = ['MISSING_API_KEY', 'INVALID_API_KEY_FORMAT', 'INVALID_API_KEY', 'API_KEY_DISABLED', 'API_KEY_EXPIRED'];

const AFFITOR = {
  key: ['Authorization header is required', 'Invalid or unknown API token'],
  scope: ['The API token lacks the scope SCOPE'],
  often: ['Rate limit exceeded. Try again in N seconds.'],
  large: ['the body is larger than 65536 bytes'],
  flight: ['A call with this Idempotency-Key is under way. Try again.'],
  reused: ['This Idempotency-Key was used for another body. Use a new key for a new call.'],
  away: ['The ledger is not available right now. Try again.'],
};

const MEANING = {
  200: 'OK',
  201: 'Made',
  202: 'Accepted',
  400: 'Something sent is wrong',
  401: 'The key is missing or wrong',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'The body is larger than 64 KiB',
  422: 'The key was used for another body',
  429: 'Too many calls: try again later',
  503: 'Not available right now: try again',
};

const TRY_AGAIN = ['IDEMPOTENCY_KEY_IN_USE', 'PAYOUT_GATHERING', 'SERVICE_UNAVAILABLE', 'RATE_LIMIT_EXCEEDED', AFFITOR.flight[0], AFFITOR.away[0], AFFITOR.often[0],
  'Too many leads without a key. Try again later.'];

/** Where a key stands. */
const STANDING = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];

const headers = (...names) => Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
const json = (schema) => ({ 'application/json': { schema } });
const object = (properties, optional = []) => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
  additionalProperties: false,
});
const schema = (name) => ({ $ref: `#/components/schemas/${name}` });
const yes = { const: true };

/** What goes wrong in the same way in several places is described once, as `v1_409_b`. */
export class Responses {
  all = {};
  #names = new Map();

  error(dialect, status, said) {
    const key = JSON.stringify([dialect, status, said]);
    if (!this.#names.has(key)) {
      const name = this.#unused(`${dialect === 'affitor' ? 'api_v1' : 'v1'}_${status}`);
      this.#names.set(key, name);
      this.all[name] = dialect === 'affitor' ? flatError(status, said) : envelopedError(status, said);
    }
    return { $ref: `#/components/responses/${this.#names.get(key)}` };
  }

  #unused(name) {
    const names = [name, ...[...'bcdefghijklmnopqrstuvwxyz'].map((letter) => `${name}_${letter}`)];
    return names.find((one) => this.all[one] === undefined);
  }
}

function envelopedError(status, codes) {
  const error = {
    code: { type: 'string', enum: codes },
    message: { type: 'string' },
    field: { type: 'string' },
    details: { type: 'array', items: schema('FieldProblem') },
    ...(Number(status) === 429 && { retryAfter: { type: 'integer', exclusiveMinimum: 0 } }),
  };
  // A malformed body has no field to name.
  const optional = ['field', 'details'];
  return {
    description: `${MEANING[status]}: ${codes.map((code) => `\`${code}\``).join(', ')}.`,
    headers: errorHeaders(status, codes),
    content: json(object({ success: { const: false }, error: object(error, optional) })),
  };
}

function flatError(status, texts) {
  return {
    description: `${MEANING[status]}: ${texts.map((text) => `“${text}”`).join(', ')}.`,
    headers: errorHeaders(status, texts),
    content: json(schema('Error')),
  };
}

function errorHeaders(status, said) {
  const isLater = Number(status) === 429 || said.some((one) => TRY_AGAIN.includes(one));
  return headers('X-Request-Id', ...(isLater ? ['Retry-After'] : []), ...(Number(status) === 401 ? [] : STANDING));
}

/** The answers by status, the good ones first. */
export function answersOf(call, responses, at) {
  const answers = {};
  for (const [status, line] of Object.entries(call.answers ?? {})) answers[status] = good(call, status, line, at);
  if (Object.keys(answers).length === 0) throw new Error(`${at} has no good answer`);
  for (const [status, said] of Object.entries(errors(call))) answers[status] = responses.error(call.dialect, status, said);
  return answers;
}

function good(call, status, answer, at) {
  if (typeof answer !== 'string') return { ...answer, headers: { ...headers('X-Request-Id'), ...answer.headers } };
  const [what, text] = answer.split(' -- ');
  const extra = call.idempotent ? ['Idempotent-Replayed'] : [];
  const csv = call.csv && { 'text/csv': { schema: { type: 'string' } } };
  return {
    description: text ?? MEANING[status],
    headers: headers('X-Request-Id', ...(call.key === 'none' ? [] : STANDING), ...extra, ...(call.csv ? ['X-Rows-Cut-At'] : [])),
    content: { ...json(envelope(what.trim(), at)), ...csv },
  };
}

/** `X`, `page X`, `cursor X`, `list X`, `more X`, `done`, `flat X`. */
function envelope(what, at) {
  const [form, name] = what.includes(' ') ? what.split(' ') : ['one', what];
  const data = (line) => fieldOf(line, at);
  switch (what === 'done' ? 'done' : form) {
    case 'one': return object({ success: yes, data: data(name) });
    case 'list': return object({ success: yes, data: data(`${name}[]`) });
    case 'page': return object({ success: yes, data: data(`${name}[]`), pagination: schema('Pagination') });
    case 'cursor': return object({ success: yes, data: data(`${name}[]`), has_more: { type: 'boolean' } });
    case 'done': return object({ success: yes, message: { type: 'string' } });
    case 'flat': return data(name);
    default: throw new Error(`${at}: no such answer: ${what}`);
  }
}

/** Those of this operation, and those that follow from its kind. */
function errors(call) {
  const { dialect, key = 'secret', live, body, idempotent, errors: own = {}, open } = call;
  const isChecked = [call.query, call.with, call.sort, call.expand, body, idempotent].some(Boolean);
  const all = dialect === 'affitor' ? affitor(key, body, idempotent) : affonso(key, live, body, isChecked, idempotent);
  for (const [status, said] of Object.entries(own)) all[status] = [...new Set([...(all[status] ?? []), ...said])];
  return open ? own : all;
}

function affonso(key, live, body, isChecked, idempotent) {
  return {
    ...(isChecked && { 400: ['VALIDATION_ERROR'] }),
    ...(key !== 'none' && { 401: AUTHENTICATION }),
    ...(key !== 'none' && { 403: [...(live ? ['FORBIDDEN'] : []), 'INSUFFICIENT_PERMISSIONS'], 429: ['RATE_LIMIT_EXCEEDED'] }),
    ...(idempotent === 'ledger' && { 409: ['IDEMPOTENCY_KEY_IN_USE'] }),
    ...(body && { 413: ['PAYLOAD_TOO_LARGE'] }),
    ...(idempotent && { 422: ['IDEMPOTENCY_KEY_REUSED'] }),
    503: ['SERVICE_UNAVAILABLE'],
  };
}

function affitor(key, body, idempotent) {
  return {
    ...(body && { 400: ['FIELD: what is wrong with it'] }),
    401: key === 'optional' ? AFFITOR.key.slice(1) : AFFITOR.key,
    403: AFFITOR.scope,
    ...(idempotent === 'ledger' && { 409: AFFITOR.flight }),
    ...(body && { 413: AFFITOR.large }),
    ...(idempotent && { 422: AFFITOR.reused }),
    429: AFFITOR.often,
    503: AFFITOR.away,
  };
}
