/**
 * The tracker for pages that are built with a bundler: puts the script's tag into the page and passes calls on to it.
 *
 * The tracker itself stays the file that the server serves; its state lives there, behind `window.affitor`. Here is
 * only the tag that was put in, and who waits for it. Nothing throws, every promise resolves, and where there is no
 * document (on a server) nothing happens. What the calls are for stands in index.d.ts.
 */

const PATIENCE = 5000; // milliseconds that a caller waits for the script, as in the script itself

/** Whether this runs in a page. */
const inPage = typeof document !== 'undefined';

/** Where the script that was put in is known to all copies of this module in a page: a promise, see insert(). */
const SHARED = Symbol.for('@clickledger/tracker');

/** The same, once this copy's load() was called. */
let script;

/** Calls that were made before that. */
const waiting = [];

const refused = (reason) => ({ recorded: false, reason });

/** Writes options as a tag's attributes. */
const describe = (tag, { src, nonce, integrity, ...settings }) => {
  tag.src = src;
  if (nonce) tag.nonce = nonce;
  if (integrity) Object.assign(tag, { integrity, crossOrigin: 'anonymous' });
  for (const [name, value] of Object.entries(settings)) {
    if (value != null && value !== false) tag.dataset[name] = Array.isArray(value) ? value.join('|') : value;
  }
};

/** Puts the tag into the page: a promise of the script's global, undefined where the script is blocked. */
const insert = async (options) => {
  if (window.affitor) return window.affitor;
  const tag = document.createElement('script');
  try {
    describe(tag, options);
    if (!options.src) throw new TypeError('no address');
    await new Promise((resolve) => {
      tag.onload = tag.onerror = resolve;
      document.head.append(tag);
    });
  } catch {
    // There is no address, an option is no name of an attribute, or a policy of the page's refuses the tag.
  }
  if (!window.affitor) tag.remove();
  return window.affitor;
};

export const load = async (options) => {
  if (!inPage) return false;
  const inserted = (window[SHARED] ??= insert({ ...options }));
  script = inserted;
  for (const resolve of waiting.splice(0)) resolve(inserted);
  const there = Boolean(await inserted);
  // The next load() tries again.
  if (!there && window[SHARED] === inserted) delete window[SHARED];
  return there;
};

/** The script's global, as soon as it is there; undefined where the script is blocked. */
const tracker = async () => window.affitor || script || new Promise((resolve) => waiting.push(resolve));

/** What `call` makes of the tracker; else what `otherwise` makes of the reason why there is none, or none yet. */
const ask = async (call, otherwise) => {
  if (!inPage) return otherwise('no_document');
  const called = tracker().then((found) => (found ? call(found) : otherwise('blocked')));
  const late = new Promise((resolve) => setTimeout(() => resolve(otherwise('queued')), PATIENCE));
  return Promise.race([called, late]).catch(() => otherwise('unsupported'));
};

export const signup = (customerKey, email) => ask((tracker) => tracker.signup(customerKey, email), refused);

// The address is that of the call, also when the script comes later.
export const trackClick = (url = inPage ? location.href : '') => ask((tracker) => tracker.trackClick(url), refused);

/** The click of an earlier page, or of the server's own cookie: known also where the script is blocked. */
const clickOfCookie = () => {
  try {
    return document.cookie.match(/(?:^|; )(?:affitor_click_id|affonso_referral)=([^;]+)/)?.[1];
  } catch {
    // No document, or one without cookies.
  }
};

export const getClickId = () => ask((tracker) => tracker.getClickId() ?? undefined, clickOfCookie);

export const getData = () =>
  ask(
    (tracker) => tracker.getData(),
    () => ({ click_id: clickOfCookie(), partner_code: undefined }),
  );

export const grantConsent = () => ask(() => window.affonsoConsentGranted(), () => false);
