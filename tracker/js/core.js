/**
 * The core: loaded by loader.js when there is something to do. It does what the WebAssembly decides: reads the page,
 * asks, posts, sets cookies, keeps what could not be sent.
 *
 * The three exported functions are all that the loader knows of it. Their `site` is described there. State that is not
 * in `site` lives in the cookies and in localStorage: there every sign-up is written before it is sent, and struck out
 * when it was answered, so that one that is cut off is sent again by a later page. The server knows it by `event_id`.
 */
import { initSync } from 'tracker';
import module from 'tracker.wasm';

const INPUT_CAPACITY = 65535; // as in src/text.rs
const PATIENCE = 5000; // milliseconds until a page that waits for a sign-up is told that it is queued
const CLICK_TRIES = 3;
const UNSENT = 'affitor_unsent';

// What src/exports.rs exports; they take and return numbers, so that they need no glue of their own.
const { memory, input_address, output_address, click_body, lead_body, cookie_line, retry_delay } = initSync({ module });

const refused = (reason) => ({ recorded: false, reason });
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const input = new Uint8Array(memory.buffer, input_address(), INPUT_CAPACITY);

/** Calls a function of the wasm with a record, a line for each value, and returns the lines that it leaves. */
const ask = (call, record, ...numbers) => {
  const { written } = new TextEncoder().encodeInto(record.join('\n'), input);
  const output = new Uint8Array(memory.buffer, output_address(), call(written, ...numbers));
  return new TextDecoder().decode(output).split('\n');
};

let warned;

/**
 * Posts until the answer is final, at most `tries` times. A success that cannot be read comes from a proxy or a portal,
 * not from the server: it counts as no answer, status 0.
 */
const post = async ({ folder }, path, body, tries) => {
  for (let attempt = 1; ; attempt++) {
    let status = 0;
    let answer;
    try {
      // A string goes as text/plain, which needs no preflight.
      const response = await fetch(`${folder}../api/v1/track/${path}`, { method: 'POST', body, keepalive: true });
      status = response.status;
      answer = await response.json();
    } catch {
      // Unreachable, or no JSON.
    }
    if (status < 400 && answer?.success == null) status = 0;
    if (status == 403 && answer?.error && !warned) console.warn((warned = answer.error));
    const delay = retry_delay(status, attempt);
    if (!delay || attempt >= tries) return { ...answer, status, passing: delay > 0 };
    // Pages that failed together do not come back together.
    await sleep(delay * (1 + Math.random() / 5));
  }
};

const accepted = (answer) => answer.success === true && answer.tracked !== false;
const refusal = ({ reason, error, message, status }) => refused(`${reason || error || message || 'http_' + status}`);

/** Sets a cookie on the widest domain that sticks, or on the configured one. */
const setCookie = (settings, name, value, days) => {
  const { hostname, protocol } = location;
  const domain = (settings.cookieDomain || settings.affitorCookieDomain || '').replace(/^\./, '');
  let labels = (hostname.endsWith(domain) && domain ? domain : 'a.b').split('.').length;
  for (;;) {
    const [line] = ask(cookie_line, [name, value, hostname], days, labels++, protocol == 'https:');
    if (!line) return;
    document.cookie = line;
    if (document.cookie.includes(line.split(';')[0])) return;
  }
};

const track = async (site, url) => {
  const [body, landing] = ask(click_body, [
    url,
    site.names,
    site.getClickId() && site.getLanding(),
    site.getClickId(),
    site.getProgram(),
    location.href,
    document.title,
    document.referrer,
    navigator.language,
    Intl.DateTimeFormat().resolvedOptions().timeZone,
    `${screen.width}x${screen.height}`,
    `${innerWidth}x${innerHeight}`,
  ]);
  let result = refused(site.partnerOf(url) ? 'already_tracked' : 'no_referral');
  if (body) {
    const answer = await post(site, 'click', body, CLICK_TRIES);
    // The landing stays unsettled: the next call tries again.
    if (answer.passing) return refused('unavailable');
    result = refusal(answer);
    if (accepted(answer) && answer.click_id) {
      const { settings } = site;
      const click_id = `${answer.click_id}`;
      const days = answer.cookie_window_days || settings.cookie_duration || settings.cookieDays || 60;
      setCookie(settings, 'affitor_click_id', click_id, days);
      setCookie(settings, 'affonso_referral', click_id, days);
      setCookie(settings, 'affitor_aff_url', landing, days);
      site.setClickId(click_id);
      result = { recorded: true, click_id };
    }
  }
  if (site.landing == url) site.landing = '';
  return result;
};

const inFlight = {};

/** Reports the click of a landing, once at a time. */
export const trackClick = (site, url) =>
  (inFlight[url] ||= track(site, url).finally(() => delete inFlight[url]));

/** Rewrites the list of unsent sign-ups: `lead` replaced by `kept`. Returns the list. */
const rewrite = (lead, ...kept) => {
  try {
    const leads = JSON.parse(localStorage[UNSENT] || '[]').filter(({ event_id }) => event_id != lead.event_id);
    leads.push(...kept);
    if (leads[0]) localStorage[UNSENT] = JSON.stringify(leads);
    else delete localStorage[UNSENT];
    return leads;
  } catch {
    return [];
  }
};

/** Sends a sign-up, after the click that it belongs to. */
const deliver = async (site, lead) => {
  if (!lead.click_id) {
    const click = await trackClick(site, lead.landing);
    if (click.reason == 'unavailable') return refused('queued');
    lead.click_id = site.getClickId();
  }
  if (!lead.click_id) {
    rewrite(lead);
    return refused('no_click');
  }
  rewrite(lead, lead);
  const { click_id, key, email, page_url, event_id } = lead;
  const [body] = ask(lead_body, [click_id, key, email, page_url, site.getProgram(), event_id]);
  const answer = await post(site, 'lead', body, Infinity);
  rewrite(lead);
  return accepted(answer) ? { recorded: true, click_id, status: 'lead' } : refusal(answer);
};

/** One line of text out of what the page passes; a user's id may be a number. */
const line = (value) => (/string|number/.test(typeof value) ? `${value}`.trim().split('\n')[0] : '');

/** Reports a sign-up. */
export const signup = async (site, customerKey, address) => {
  const key = line(customerKey);
  const email = line(address);
  if (!key && !email) return refused('invalid_arguments');
  const { landing } = site;
  const event_id = Math.random().toString(36).slice(2) + Date.now();
  const lead = { landing, click_id: !landing && site.getClickId(), key, email, page_url: location.href, event_id };
  rewrite(lead, lead);
  return Promise.race([deliver(site, lead), sleep(PATIENCE).then(() => refused('queued'))]);
};

/** Sends what earlier pages could not. */
export const resume = (site) => Promise.all(rewrite({}).map((lead) => deliver(site, lead)));
