/**
 * The script that customers include. It defines the globals at once and looks whether there is anything to do: a
 * referral parameter in the address, a call, something that an earlier page could not send. Only then does it load the
 * core, which lies beside it. It never throws into the page, and every promise that it hands out resolves.
 *
 * State: `site`, shared with the core; the cookies; and in localStorage an entry for each click and sign-up that was not
 * answered yet. It is written before anything else is done, so that it outlives the page, and the core strikes it out.
 * The cookie `affitor_kept` says that there is one. Nothing is stored or sent before consent where the tag asks for it, nor
 * under Global Privacy Control.
 *
 * Every page pays for every byte of this file; `make size` keeps it within its budget, and that is why it is as terse as
 * it is. It pays for the time as well: with nothing to do the file looks at the cookies and nowhere else. With a processor
 * slowed down four times the first look at localStorage takes 3 ms, the first exception 4, the first regular expression 1. Names that end in `_` are shortened in the build.
 */

const script = document.currentScript;

// A second tag adds nothing; an element whose id is `affitor` is no tag.
if (script && !self.affonsoConsentGranted) {
  /** Does what a page may have forbidden, as a sandboxed frame does cookies and storage. */
  const attempt = (deed) => {
    try {
      return deed();
    } catch {}
  };

  const cookie = (name) => attempt(() => ('; ' + document.cookie).split('; ' + name + '=')[1]?.split(';')[0]);

  /** The visitor's click. The last name is an older one: read, never written; it may stand first among the cookies. */
  const getClickId = () => site.clickId_ || cookie('affitor_click_id') || cookie('affonso_referral') || cookie('customer_code');

  /** What loader and core share: the tag's attributes, which `init` may change, and the rest. */
  const site = {
    params: 'aff|via|ref|atp|affonso',
    ...script.dataset,

    getClickId_: getClickId,

    /** Makes a click known to the page. */
    setClickId_: (id) => {
      if ((self.affonso_referral = site.clickId_ = id)) dispatchEvent(new Event('affonso_referral_ready'));
    },

    /**
     * Writes an entry down, under a name of its own: two tabs cannot undo each other's. The time comes first in it; of one
     * millisecond, the click comes before the sign-up.
     */
    keep_: (entry, name = 'affitor_kept' + (entry.id ||= Date.now() + '' + !entry.url + Math.random())) =>
      attempt(() => {
        localStorage[name] = JSON.stringify(entry);
        document.cookie = 'affitor_kept=1;max-age=2222222;path=/';
      }),
  };

  /** The match of a referral parameter in an address; in its group `aff=partner`. */
  const parameterOf = (url) => url.match(`[?&]((${site.params})=[^&#]+)`);

  const optedOut = navigator.globalPrivacyControl && site.gpc != 'ignore';
  let consentMissing = (site.requiresConsent ?? 'false') != 'false';
  const held = [];

  /** Has the core send an entry, if there is one: a click, which has an address, or a sign-up. */
  const send = async (entry) => {
    const refusal = optedOut
      ? 'gpc'
      : site.click_ || getClickId()
        ? consentMissing && held.push(entry) && 'consent_required'
        : 'no_click';
    try {
      if (!refusal) {
        // Nobody may ever look at a page that is rendered ahead.
        if (entry && !document.prerendering) site.keep_(entry);
        return await (await import(new URL(CORE, script.src))).send(site, entry);
      }
    } catch {}
    return { reason: refusal || 'queued', recorded: false };
  };

  const trackClick = (url = location.href) => send((site.click_ = { url }));

  /**
   * Tracks the click if the page, or the route that a single-page application went to, is a landing. (Options are taken
   * over before the address is looked at: arguments come first.)
   */
  const look = (options) =>
    attempt(() => parameterOf(location.href, Object.assign(site, options)) && trackClick());

  /** Runs calls of the form `['signup', key, email]`. */
  const push = (...calls) => calls.map((call) => attempt(() => self.affitor[call[0]](call[1], call[2])));

  self.affitor = {
    init: look,
    signup: (key, email) => send({ key, email }),
    trackClick,
    getClickId,
    getData: () => ({
      click_id: getClickId(),
      partner_code: cookie('affitor_aff_url')?.split('=')[1],
    }),
  };
  self.Affonso = {
    getReferralId: getClickId,
    signup: (who) => send({ who }),
    isConsentRequired: () => consentMissing,
  };
  self.affonsoConsentGranted = async () => {
    consentMissing = false;
    held.splice(0).map(send);
    return !optedOut;
  };

  site.setClickId_(getClickId());
  // True until the core has looked what is left of earlier pages.
  site.click_ = site.debug == 'true' || cookie('affitor_kept');
  if (site.click_ || 'fill' in site) send();
  look();
  attempt(() => push(...(self.affitorQueue ?? [])));
  self.affitorQueue = { push };
  ['pushState', 'replaceState'].map((method, original) => {
    original = history[method];
    history[method] = (...state) => {
      original.apply(history, state);
      look();
    };
  });
  // Until consent is given the referral parameter travels on in links of the same site, but not within the page.
  if (consentMissing)
    addEventListener(
      'click',
      ({ target }) =>
        attempt(() => {
          const link = target.closest('a:not([href^="#"])');
          if (!parameterOf(link.href) && ('.' + link.host).endsWith('.' + location.host.replace('www.', '')))
            link.search += '&' + parameterOf(site.click_.url)[1];
        }),
      true,
    );
}
