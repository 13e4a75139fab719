/** The tracker's options: the `data-*` attributes of its tag, under their names in `dataset`. */
export interface TrackerOptions {
  /** `data-program`: the program's public id. */
  program?: string;
  /** `data-affonso`: the same, under the name of another product's tag. */
  affonso?: string;
  /** `data-affitor-program-id`: the same, under the name of another product's tag. */
  affitorProgramId?: string;
  /** `data-params`: names of the referral parameter, as a text with `|` between. Default `aff|via|ref|atp|affonso`. */
  params?: string | readonly string[];
  /** `data-requires-consent`: nothing is stored or sent before `grantConsent()`. Default false. */
  requiresConsent?: boolean;
  /** `data-gpc`: `ignore` goes on under Global Privacy Control, for programs whose setting does not honour it. */
  gpc?: 'ignore';
  /** `data-cookie-domain`: where the cookie is set. Default: the widest domain that the browser accepts. */
  cookieDomain?: string;
  /** `data-cookie_duration`: days that cookies live, where the ledger's answer does not say it. */
  cookie_duration?: number | string;
  /** `data-fill`: the click id goes into every form that is sent, under this name (empty: `affitor_click_id`). */
  fill?: string;
  /** `data-debug`: loads the build that explains every decision in the console. */
  debug?: boolean;
  /** `data-api`: the folder of the endpoints, seen from the script. Default `../api/v1/track/`. */
  api?: string;
  /** `data-click`, `data-lead`: the names of the two endpoints in it. */
  click?: string;
  lead?: string;
}

export interface LoadOptions extends TrackerOptions {
  /** The script's address: `https://YOUR-HOST/js/tracker.js`, or wherever your own domain serves it. */
  src: string;
  /** For pages whose Content Security Policy wants one. */
  nonce?: string;
  /** The script's published hash; only for `src` with a version in its name. */
  integrity?: string;
}

/**
 * Why nothing was recorded, or not yet. Any other text is the server's.
 *
 * - `gpc`: the visitor's browser sends Global Privacy Control
 * - `consent_required`: the visitor's consent is needed first; the call is made when it is granted
 * - `no_click`: a sign-up of a visitor who came through no affiliate; nothing was sent
 * - `no_referral`: the page's address carries no affiliate's code
 * - `already_tracked`: the address names the affiliate whose click is known
 * - `queued`: not answered yet; it is sent as soon as that is possible, on this page or a later one
 * - `invalid_arguments`: neither a customer key nor an e-mail address
 * - `bot`, `prefetch`: nobody looked at the page
 *
 * And only through this package:
 *
 * - `blocked`: the script could not be loaded
 * - `unsupported`: something else is in its place
 * - `no_document`: called on a server
 */
export type Reason =
  | 'gpc'
  | 'consent_required'
  | 'no_click'
  | 'no_referral'
  | 'already_tracked'
  | 'queued'
  | 'invalid_arguments'
  | 'bot'
  | 'prefetch'
  | 'blocked'
  | 'unsupported'
  | 'no_document'
  | (string & {});

/** The ledger has it. */
export interface Recorded {
  recorded: true;
  click_id: string;
  /** Of a sign-up. */
  status?: 'lead';
}

/** The ledger does not have it, or not yet. */
export interface NotRecorded {
  recorded: false;
  reason: Reason;
}

export type Result = Recorded | NotRecorded;

/** What is known of the visitor. */
export interface ReferralData {
  click_id?: string | undefined;
  partner_code?: string | undefined;
}

/**
 * Puts the script's tag into the page, once, and resolves with whether the tracker is there: false if an ad blocker or
 * the network kept it away, and on a server. Calls made before wait for it.
 */
export function load(options: LoadOptions): Promise<boolean>;

/**
 * Reports a sign-up: your own id of the customer, the very one that later sales carry, and the e-mail address. Resolves
 * within seconds with what was recorded.
 */
export function signup(customerKey: string | number, email?: string): Promise<Result>;

/** Reports the click of a landing; the tracker does this by itself. Default: the page's own address. */
export function trackClick(url?: string): Promise<Result>;

/** The visitor's click id, for a checkout's metadata. Read from the cookie where the script is blocked. */
export function getClickId(): Promise<string | undefined>;

/** The visitor's click and its affiliate's code. */
export function getData(): Promise<ReferralData>;

/**
 * The visitor agrees: what was held back is stored and sent. Resolves with whether tracking is allowed now, which it is
 * not under Global Privacy Control.
 */
export function grantConsent(): Promise<boolean>;

/** `window.affitor`, once the script is there. */
export interface Affitor {
  /** Changes options of the tag. */
  init(options?: Omit<TrackerOptions, 'params'> & { params?: string }): unknown;
  signup(customerKey: string | number, email?: string): Promise<Result>;
  trackClick(url?: string): Promise<Result>;
  getClickId(): string | undefined;
  getData(): ReferralData;
}

/** A call of `window.affitor` by name, for `window.affitorQueue`. */
export type QueuedCall =
  | ['signup', customerKey: string | number, email?: string]
  | ['trackClick', url?: string]
  | ['init', options?: TrackerOptions];

/** `window.Affonso`: the same under another product's names. */
export interface Affonso {
  /** An e-mail address, or a customer with at least one of both. */
  signup(customer: string | AffonsoCustomer): Promise<Result>;
  getReferralId(): string | undefined;
  isConsentRequired(): boolean;
}

export type AffonsoCustomer = { name?: string } & (
  | { email: string; externalUserId?: string | number }
  | { email?: string; externalUserId: string | number }
);

declare global {
  interface Window {
    affitor?: Affitor;
    /** An array until the script is there; then what is pushed is called at once. */
    affitorQueue?: { push(...calls: QueuedCall[]): unknown };
    Affonso?: Affonso;
    /** The click id, once it is known; `affonso_referral_ready` says when. */
    affonso_referral?: string;
    affonsoConsentGranted?(): Promise<boolean>;
  }
  interface WindowEventMap {
    affonso_referral_ready: Event;
  }
}
