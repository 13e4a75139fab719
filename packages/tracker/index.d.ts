/** The tracker's options: the `data-*` attributes of its tag, under their names in `dataset`. */
export interface TrackerOptions {
  /** `data-program`: the program's public id. */
  program?: string;
  /** `data-affonso`: the same, under the name of another product's tag. */
  affonso?: string;
  /** `data-affitor-program-id`: the same, under the name of another product's tag. */
  affitorProgramId?: string;
  /** `data-params`: names of the query parameters that carry an affiliate's code. Default `aff,via,ref,atp,affonso`. */
  params?: string | readonly string[];
  /** `data-requires-consent`: nothing is stored or sent before `grantConsent()`. Default false. */
  requiresConsent?: boolean;
  /** `data-gpc`: `ignore` tracks also visitors who send Global Privacy Control. By default they are not tracked. */
  gpc?: 'ignore';
  /** `data-cookie-domain`: where the cookie is set. Default: the widest domain that the browser accepts. */
  cookieDomain?: string;
  /** `data-cookie_duration`: the cookie's life in days. The program's own setting goes before it. */
  cookie_duration?: number | string;
  /** `data-fill`: puts the click id into the page's forms. */
  fill?: boolean | string;
  /** `data-debug`: loads the build that explains every decision in the console. */
  debug?: boolean;
  /** `data-api`: the folder of the endpoints, seen from the script. Default `../api/v1/track/`. */
  api?: string;
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
 * - `already_tracked`: this landing's click is recorded already
 * - `queued`: not answered yet; it is sent as soon as that is possible, on this page or a later one
 * - `invalid_arguments`: neither a customer key nor an e-mail address
 * - `bot`, `prefetch`: nobody looked at the page
 * - `unavailable`: the server could not be reached; the next page tries again
 * - `unsupported`: this browser cannot run the tracker
 * - `blocked`: the script could not be loaded (only through this package)
 * - `no_document`: called on a server (only through this package)
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
  | 'unavailable'
  | 'unsupported'
  | 'blocked'
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
  click_id: string | null;
  partner_code: string | null;
  program_id: string | null;
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
export function getClickId(): Promise<string | null>;

/** The visitor's click, its affiliate's code and the program. */
export function getData(): Promise<ReferralData>;

/**
 * The visitor agrees: what was held back is stored and sent. Resolves with whether tracking is allowed now, which it is
 * not under Global Privacy Control.
 */
export function grantConsent(): Promise<boolean>;

/** `window.affitor`, once the script is there. */
export interface Affitor {
  /** Changes options of the tag. */
  init(options?: TrackerOptions): unknown;
  signup(customerKey: string | number, email?: string): Promise<Result>;
  trackClick(url?: string): Promise<Result>;
  getClickId(): string | null;
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
  getReferralId(): string | null;
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
