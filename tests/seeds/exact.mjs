// Exact comparison of JSON answers: every field must be there, no field may be there that was not expected.
// What cannot be known beforehand (ids, times) is a matcher; everything else is compared by value.
import { AssertionError } from 'node:assert';
import assert from 'node:assert/strict';

class Matcher {
  constructor(wanted, accepts, mayBeAbsent = false) {
    this.wanted = wanted;
    this.accepts = accepts;
    this.mayBeAbsent = mayBeAbsent;
  }

  // JSON.stringify uses this, so that a failure prints what was wanted instead of "{}".
  toJSON() {
    return `<${this.wanted}>`;
  }
}

const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isTimestamp = (value) => typeof value === 'string' && ISO_8601.test(value) && !Number.isNaN(Date.parse(value));
const isText = (value) => typeof value === 'string' && value.trim() !== '';
const isPlainObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

export const anything = new Matcher('anything, but present', (value) => value !== undefined);
export const anyText = new Matcher('a non-empty string', isText);
export const anyBoolean = new Matcher('true or false', (value) => typeof value === 'boolean');
export const anyInteger = new Matcher('an integer', Number.isSafeInteger);
export const anyObject = new Matcher('an object', isPlainObject);
export const anyArray = new Matcher('an array', Array.isArray);
export const anyReference = new Matcher('an id (text or integer)', (value) => isText(value) || Number.isSafeInteger(value));
export const anyTimestamp = new Matcher('an ISO 8601 timestamp', isTimestamp);

export const anyId = (prefix) =>
  new Matcher(`an id that starts with ${prefix}`, (value) => isText(value) && value.startsWith(prefix) && value.length > prefix.length);

export const textLike = (pattern) => new Matcher(`text like ${pattern}`, (value) => typeof value === 'string' && pattern.test(value));

/** The same moment, however it is written: `…:00Z` and `…:00.000Z` are one instant. */
export const instant = (moment) =>
  new Matcher(`the instant ${moment}`, (value) => isTimestamp(value) && Date.parse(value) === Date.parse(moment));

export const justNow = new Matcher('a timestamp of the last minute', (value) => isTimestamp(value) && Math.abs(Date.now() - Date.parse(value)) < 60_000);

/** For what the documents leave open: any of the readings, none else. */
export const oneOf = (...readings) =>
  new Matcher(`one of ${JSON.stringify(readings)}`, (value) => readings.some((reading) => differences(value, reading).length === 0));

/** A field that an answer may leave out; if it is there it must match. */
export const optional = (expected) =>
  new Matcher(`nothing or ${JSON.stringify(expected)}`, (value) => differences(value, expected).length === 0, true);

/** A list that says something about each of these fields. */
export const listAbout = (...names) =>
  new Matcher(`a list that names ${names}`, (value) => Array.isArray(value) && names.every((name) => JSON.stringify(value).includes(name)));

/** An object with at least these fields. */
export const including = (fields) =>
  new Matcher(
    `an object with ${JSON.stringify(fields)}`,
    (value) => isPlainObject(value) && Object.entries(fields).every(([name, expected]) => differences(value[name], expected).length === 0),
  );

function differences(actual, expected, path = 'json') {
  if (expected instanceof Matcher) return matcherDifferences(actual, expected, path);
  if (Array.isArray(expected)) return arrayDifferences(actual, expected, path);
  if (isPlainObject(expected)) return objectDifferences(actual, expected, path);
  return Object.is(actual, expected) ? [] : [difference(path, expected, actual)];
}

function matcherDifferences(actual, matcher, path) {
  const accepted = actual === undefined ? matcher.mayBeAbsent : matcher.accepts(actual);
  return accepted ? [] : [difference(path, matcher, actual)];
}

function arrayDifferences(actual, expected, path) {
  if (!Array.isArray(actual) || actual.length !== expected.length) return [difference(path, expected, actual)];
  return expected.flatMap((item, index) => differences(actual[index], item, `${path}[${index}]`));
}

function objectDifferences(actual, expected, path) {
  if (!isPlainObject(actual)) return [difference(path, expected, actual)];
  const wrong = Object.keys(expected).flatMap((name) => differences(actual[name], expected[name], `${path}.${name}`));
  const unknown = Object.keys(actual).filter((name) => !Object.hasOwn(expected, name));
  return [...wrong, ...unknown.map((name) => `${path}.${name}: not expected, but is ${JSON.stringify(actual[name])}`)];
}

const difference = (path, expected, actual) => `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;

export function assertJson(actual, expected) {
  const found = differences(actual, expected);
  if (found.length > 0) {
    throw new AssertionError({ message: [...found, `whole answer: ${JSON.stringify(actual)}`].join('\n'), stackStartFn: assertJson });
  }
}

/** Status and whole body of one answer. */
export function assertAnswer(answer, status, json) {
  const expected = status instanceof Matcher ? status : oneOf(status);
  assert.ok(expected.accepts(answer.status), `status ${answer.status}, expected ${expected.wanted}; body: ${JSON.stringify(answer.json)}`);
  assertJson(answer.json, json);
}
