/**
 * The core: loaded by loader.js when there is something to do. It does what the decisions say: reads the page, asks,
 * posts, sets cookies, strikes out what was answered.
 *
 * `send` is all that the loader knows of it; `site` and the entries are described there. State beside them: what is being
 * sent, and that clicks are sent one after the other, so that the last one wins. The server knows an entry by its id, as
 * `event_id`: one that is sent again, here or by a later page, is recorded once.
 */
import { cookieLine, landing, retryDelay } from 'decisions';

const PATIENCE = 5000; // milliseconds until a page that waits is told that its call is queued

const TIMEOUT = 3e4; // milliseconds until a request counts as unanswered
const LIFE = 2e9; // milliseconds until what is kept is given up, some 23 days
const LONGEST = 2e3; // characters of a field that the ledger takes

const refused = (reason) => ({ recorded: false, reason });

/** Waits; a connection that comes back ends it. */
const sleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener('online', resolve);
  });

const attempt = (deed) => {
  try {
    return deed();
  } catch {}
};

/** The names of what is kept, the oldest first. */
const kept = () =>
  Object.keys(localStorage)
    .filter((name) => /^affitor_kept/.test(name))
    .sort();

/** Strikes an entry out. */
const forget = (site, { id }) => {
  if (site.click_.id == id) site.click_ = 0;
  attempt(() => {
    delete localStorage['affitor_kept' + id];
    if (!kept().length) document.cookie = 'affitor_kept=1; path=/; max-age=0';
  });
};

let warned;

/**
 * Posts until the answer is final. One that does not say what the server says, whatever its status, comes from a proxy or
 * a portal: it counts as no answer, status 0.
 */
const post = async (site, path, fields, credentials) => {
  // A string goes as text/plain, which needs no preflight. What is empty is left out, what is too long is cut.
  const body = JSON.stringify(fields, (_, value) => value?.slice?.(0, LONGEST) || value || undefined);
  for (let attempts = 1; ; attempts++) {
    let status = 0;
    let answer;
    try {
      const response = await fetch(site.api + (site[path] || path), {
        method: 'POST',
        body,
        keepalive: true,
        signal: AbortSignal.timeout?.(TIMEOUT),
        credentials: attempts % 2 ? credentials : 'same-origin',
      });
      answer = await response.json();
      if ((answer.success ?? answer.error) != null) status = response.status;
    } catch {
      // Unreachable, or no JSON.
    }
    if (!warned && status == 403) console.warn((warned = answer.error));
    const delay = retryDelay(status, attempts);
    if (!delay) return { ...answer, status };
    // Pages that failed together do not come back together.
    await sleep(delay + Math.random() * delay);
  }
};

const accepted = (answer) => answer.success === true && answer.tracked != false;
const refusal = ({ reason, error, message, status }) => refused((reason || error || message || 'http_' + status) + '');

/**
 * Sets a cookie on the widest domain that sticks, or on the configured one, and returns that domain: empty for the host
 * alone.
 */
const setCookie = (site, name, value, days) => {
  const { hostname, protocol } = location;
  const domain = (site.cookieDomain || site.affitorCookieDomain || '').replace(/^\./, '');
  let labels = (hostname.endsWith(domain) && domain ? domain : 'a.b').split('.').length;
  for (;;) {
    const [line, at] = cookieLine([name, value, hostname], days, labels++, protocol == 'https:');
    if (!line) return '';
    const isSet = () => document.cookie.split('; ').includes(line.split(';')[0]);
    // One that the answer has set may live longer than a script's.
    if (!isSet()) document.cookie = line;
    if (isSet()) return at;
  }
};

let last; // landing, where cookies are blocked

const track = async (site, entry) => {
  // A probe tells the server where a cookie sticks. It sets them where it is called on the site's own domain: browsers
  // that cut the life of what scripts write keep those. Where not even the last two labels are the same, it never is, and
  // the probe would take 5 ms with a processor slowed down four times. (For no days it is removed.) Under a
  // suffix of two labels, as co.uk, it is not either: then the send with credentials fails, and the next one is without.
  const domain = attempt(
    () =>
      location.hostname.endsWith(new URL(site.api).hostname.split('.').slice(-2).join('.')) &&
      [1, ''].map((value) => setCookie(site, 'affitor_probe', value, value))[0],
  );
  const existing_click_id = site.getClickId_();
  const known = existing_click_id && (attempt(() => document.cookie.split('affitor_aff_url=')[1].split(';')[0]) || last);
  // A partner's code may contain a line break as well as anything else.
  // A fragment may be longer than all that the decisions read.
  const [remembered, ...partner] = landing([(entry.url + '').split('#')[0], site.params, known]);
  const partner_code = partner.join('\n');
  if (!partner_code) return refused(remembered ? 'already_tracked' : 'no_referral');
  // What attribution needs, and nothing that tells browsers apart.
  const fields = {
    affiliate_url: entry.url,
    partner_code,
    existing_click_id,
    program_id: site.program,
    event_id: entry.id,
    cookie_domain: domain,
    landing: remembered,
    page_url: location.href,
    page_title: document.title,
    referrer_url: document.referrer,
  };
  const answer = await post(site, 'click', fields, domain ? 'include' : 'same-origin');
  const { click_id } = answer;
  if (!(accepted(answer) && typeof click_id == 'string')) return refusal(answer);
  last = remembered;
  attempt(() => {
    const days = answer.cookie_window_days || site.cookie_duration || 60;
    setCookie(site, 'affitor_aff_url', remembered, days);
    setCookie(site, 'affitor_click_id', click_id, days);
    setCookie(site, 'affonso_referral', click_id, days);
  });
  site.setClickId_(click_id);
  return { recorded: true, click_id };
};

/** One line of text out of what the page passes; a user's id may be a number, but not the one that is none. */
const line = (value) => (/string|number/.test(value == value && typeof value) ? (value + '').trim().split('\n')[0] : '');

/** Sends a sign-up. */
const report = async (site, entry) => {
  const person = entry.who || entry;
  const [key, email, name] = [person.externalUserId ?? person.key, person.email ?? person, person.name].map(line);
  const click_id = (entry.click ||= site.getClickId_());
  if (!key && !email) return refused('invalid_arguments');
  if (!click_id) return refused('no_click');
  site.keep_(entry);
  const fields = {
    click_id,
    customer_key: key,
    email,
    name,
    page_url: location.href,
    program_id: site.program,
    event_id: entry.id,
  };
  const answer = await post(site, 'lead', fields, 'same-origin');
  return accepted(answer) ? { recorded: true, click_id, status: 'lead' } : refusal(answer);
};

let clicks = Promise.resolve();
const sent = { __proto__: null };

/**
 * Sends an entry after the clicks before it, once: an earlier call may have found it among what is kept, and be done with
 * it. What cannot be read of an entry stops no other one.
 */
const dispatch = (site, entry) => {
  if (!sent[entry.id]) {
    site.keep_(entry);
    const { url } = entry;
    const result = clicks
      .then(() => (url ? track : report)(site, entry))
      .catch(() => refused('invalid_arguments'))
      .finally(() => forget(site, entry));
    sent[entry.id] = result;
    if (url) clicks = result;
  }
  return sent[entry.id];
};

/** Reads the tag, and sends what is kept. */
const begin = (site) => {
  site.program ||= site.affonso || site.affitorProgramId || self.AFFITOR_PROGRAM_ID;
  site.api = new URL(site.api || (site.affitorApiBase || '..') + '/api/v1/track/', import.meta.url).href;
  if (site.fill != null)
    addEventListener('formdata', ({ formData }) => {
      if (site.getClickId_()) formData.set(site.fill || 'affitor_click_id', site.getClickId_());
    });
  if (!site.click_?.url) site.click_ = 0;
  attempt(() =>
    kept().map((name) => {
      // What cannot be read is a sign-up of nobody, which ends at once.
      const entry = { ...attempt(() => JSON.parse(localStorage[name])), id: name.slice(12) };
      if (entry.url) site.click_ = entry;
      // Its id begins with the time.
      (Date.now() - LIFE > name.slice(12, 25) ? forget : dispatch)(site, entry);
    }),
  );
  // Nothing is called so: a click of a page that was rendered ahead has no name yet, and stays.
  forget(site, { id: 1 });
  return 1;
};

let begun;

/** Sends what is kept and the entry, if there is one; resolves with what came of the entry. */
export const send = async (site, entry) => {
  if (IS_RELEASE && /true/.test(site.debug + site.affitorDebug)) return (await import(DEBUG)).send(site, entry);
  if (document.prerendering) await new Promise((resolve) => document.addEventListener('prerenderingchange', resolve));
  begun ||= begin(site);
  // Of two calls that load the core at once the later one may come first; a sign-up still follows its click.
  if (site.click_.url) dispatch(site, site.click_);
  return (
    entry && Promise.race([dispatch(site, entry), new Promise((resolve) => setTimeout(resolve, PATIENCE, refused('queued')))])
  );
};
