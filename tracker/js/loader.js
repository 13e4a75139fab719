/**
 * The script that customers include. It defines the globals at once and looks whether there is anything to do: a
 * referral parameter in the address, a call, a sign-up that could not be sent. Only then does it load core.js, which
 * lies beside it. It never throws into the page, and every promise that it hands out resolves.
 *
 * State lives in `site`, shared with the core; in the cookies; and, for sign-ups that could not be sent, in
 * localStorage. Nothing is stored or sent before consent where the tag asks for it, nor under Global Privacy Control.
 */

const script = document.currentScript;

// A second tag adds nothing.
if (script && !window.affitor) {
  const settings = { ...script.dataset };
  const names = (settings.params || 'aff,via,ref,atp,affonso').split(/[\s,]+/);

  const cookie = (name) => {
    try {
      return document.cookie.match(`(?:^|; )${name}=([^;]+)`)?.[1];
    } catch {
      // A sandboxed frame has no cookies.
    }
  };

  /** The partner's code in an address, if there is one. */
  const partnerOf = (url = '') => {
    const query = new URLSearchParams(url.split(/[?#]/)[1]);
    return names.map((name) => query.get(name)).find(Boolean);
  };

  /** The visitor's click. The last name is an older one: read, never written. */
  const getClickId = () =>
    site.clickId || ['affitor_click_id', 'affonso_referral', 'customer_code'].map(cookie).find(Boolean) || null;

  /** What loader and core share. */
  const site = {
    /** Where this file lies. */
    folder: script.src.replace(/[^/]*$/, ''),
    settings,
    names,
    /** The address of a landing whose click is not settled yet. */
    landing: '',
    getClickId,
    partnerOf,
    /** The landing that led to the visitor's click, with no other parameter than the referral's. */
    getLanding: () => cookie('affitor_aff_url'),
    getProgram: () => settings.program || settings.affonso || settings.affitorProgramId || null,
    /** Makes a click known to the page. */
    setClickId: (id) => {
      window.affonso_referral = site.clickId = id;
      dispatchEvent(new Event('affonso_referral_ready'));
    },
  };

  let consentMissing = (settings.requiresConsent ?? 'false') != 'false';
  const held = [];

  /** Why a call is not made, if that can be seen without the core. */
  const refusal = (call) => {
    if (navigator.globalPrivacyControl) return 'gpc';
    if (consentMissing) return held.push(call) && 'consent_required';
    if (call[0] != 'signup') return;
    if (!call[1] && !call[2]) return 'invalid_arguments';
    if (!site.landing && !getClickId()) return 'no_click';
  };

  /** Has the core do something, and resolves with what came of it. */
  const run = async (...call) => {
    let reason = refusal(call);
    try {
      if (!reason) return await (await import(site.folder + 'core.js'))[call[0]](site, call[1], call[2]);
    } catch {
      reason = 'unsupported';
    }
    return { recorded: false, reason };
  };

  const trackClick = (url = location.href) => run('trackClick', (site.landing = url));

  /** Tracks the click if the page, or the route that a single-page application went to, is a landing. */
  const look = () => partnerOf(location.href) && trackClick();

  const affitor = (window.affitor = {
    init: (options) => look(Object.assign(settings, options)),
    signup: (key, email) => run('signup', key, key && email),
    trackClick,
    getClickId,
    getData: () => ({
      click_id: getClickId(),
      partner_code: partnerOf(site.getLanding()) || null,
      program_id: site.getProgram(),
    }),
  });
  window.Affonso = {
    signup: (who) => run('signup', who?.externalUserId, who?.email || who),
    getReferralId: getClickId,
    isConsentRequired: () => consentMissing,
  };
  window.affonsoConsentGranted = async () => {
    consentMissing = false;
    await Promise.all(held.splice(0).map((call) => run(...call)));
    return !navigator.globalPrivacyControl;
  };

  /** Runs calls of the form `['signup', key, email]`. */
  const push = (...calls) => calls.forEach((call) => affitor[call?.[0]]?.(call[1], call[2]));

  if (getClickId()) site.setClickId(getClickId());
  look();
  const { pushState } = history;
  history.pushState = (...state) => {
    pushState.apply(history, state);
    look();
  };
  try {
    push(...(window.affitorQueue || []));
    window.affitorQueue = { push };
    if (localStorage.affitor_unsent) run('resume');
  } catch {
    // No storage here, or something else of that name.
  }
}
