/**
 * The decisions of src/, in JavaScript: for browsers without WebAssembly and pages whose policy forbids it. Only core.js
 * loads it, and only there. tests/vectors.json holds for both. State: none.
 */

const KEPT = 900; // characters, as in src/referral.rs
const LONGEST_DAYS = 400; // as in src/cookie.rs

/** The referral parameter as `[name, value]`, both still percent-encoded. */
const find = (url, names) => {
  const query = url.split('#')[0].replace(/^[^?]*\??/, '');
  const pairs = query.split('&').map((pair) => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/, '')]);
  const of = (name) => pairs.find(([key]) => decoded(key) == decoded(name));
  return names && names.split('|').map(of).find((pair) => pair?.[1]);
};

const decoded = (text) => new URLSearchParams('=' + text).get('');

const encoded = (text) =>
  // Of the host name and the values that there are, only these may stand in a cookie as they are.
  Array.from(new TextEncoder().encode(text), (byte) =>
    byte > 32 && byte < 127 && !'",;\\'.includes(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : '%' + byte.toString(16).toUpperCase().padStart(2, '0'),
  ).join('');

/** See src/exports.rs. */
export const landing = ([url, names, known]) => {
  const parameter = find(url, names);
  if (!parameter) return [''];
  const [name, value] = parameter;
  const remembered = `${url.split(/[?#]/)[0].slice(0, KEPT)}?${`${name}=${value}`.slice(0, KEPT)}`;
  const isKnown = decoded(find(known || '', names)?.[1] || '') == decoded(value);
  return [remembered, ...(isKnown ? '' : decoded(value)).split('\n')];
};

/** See src/cookie.rs. */
export const cookieLine = ([name, value, host], days, labels, secure) => {
  const parts = host.split('.');
  const all = /\d$/.test(host) ? 1 : parts.length;
  if (labels > all + 1) return [''];
  const domain = labels > all ? '' : parts.slice(all - labels).join('.');
  const life = Math.min(days, LONGEST_DAYS) * 24 * 60 * 60;
  const line = `${name}=${encoded(value)}; path=/; SameSite=Lax; max-age=${life}`;
  return [line + (domain && `; domain=${encoded(domain)}`) + (secure ? '; Secure' : ''), domain];
};

/** See src/retry.rs. */
export const retryDelay = (status, attempt) =>
  !status || status == 408 || status == 429 || status >= 500 ? 200 << (2 * Math.min(attempt, 6)) : 0;
