// Uses of the package's types: the compiler must accept these, and refuse what stands below a `@ts-expect-error`.
import {
  getClickId,
  getData,
  grantConsent,
  load,
  signup,
  trackClick,
  type LoadOptions,
  type Reason,
  type Result,
} from '@clickledger/tracker';

// Loading.
const options: LoadOptions = {
  src: 'https://ledger.example/js/tracker.js',
  program: 'prog_1',
  params: ['aff', 'via'],
  requiresConsent: true,
  gpc: 'ignore',
  cookieDomain: 'shop.example',
  cookie_duration: 30,
  fill: 'click',
  debug: true,
  api: '../track/',
  click: 'c',
  lead: 'l',
  nonce: 'abc',
  integrity: 'sha384-abc',
};
const there: Promise<boolean> = load(options);
void load({ src: '/js/tracker.js', affonso: 'prog_1' });
void load({ src: '/js/tracker.js', affitorProgramId: '7', params: 'aff|via' });
// @ts-expect-error without an address there is nothing to load
void load({ program: 'prog_1' });
// @ts-expect-error a name that no attribute has
void load({ src: '/js/tracker.js', programme: 'prog_1' });
// @ts-expect-error the signal is honoured or ignored
void load({ src: '/js/tracker.js', gpc: 'honour' });

// Calls.
async function calls(): Promise<string> {
  const result: Result = await signup('user_1', 'jane@example.com');
  await signup(42);
  if (result.recorded) {
    const status: 'lead' | undefined = result.status;
    // @ts-expect-error what was recorded has no reason
    void result.reason;
    return result.click_id + status;
  }
  // @ts-expect-error what was not recorded has no click
  void result.click_id;
  const reason: Reason = result.reason;
  const ofTheServer: Reason = 'Referral link not found';
  const click = await trackClick();
  void trackClick('https://shop.example/?aff=alice');
  const id: string | undefined = await getClickId();
  // @ts-expect-error a visitor may have none
  const always: string = await getClickId();
  const { click_id, partner_code } = await getData();
  const granted: boolean = await grantConsent();
  return [reason, ofTheServer, click, id, always, click_id, partner_code, granted, await there].join();
}
// @ts-expect-error a customer has a key
void signup();
// @ts-expect-error an address is a text
void signup('user_1', { email: 'jane@example.com' });

// The globals, as seed 004 and the other product's snippets use them.
async function globals(): Promise<void> {
  if (window.affitor) {
    await window.affitor.signup('user_123', 'user@example.com');
    window.affitor.init({ program: 'prog_2' });
    const id: string | undefined = window.affitor.getClickId();
    void [id, window.affitor.getData().partner_code, await window.affitor.trackClick()];
  } else {
    window.affitorQueue = window.affitorQueue || [];
    window.affitorQueue.push(['signup', 'user_123', 'user@example.com']);
    window.affitorQueue.push(['trackClick'], ['init', { requiresConsent: true }]);
    // @ts-expect-error there is no such call
    window.affitorQueue.push(['trackLead', 'user_123']);
  }
  await window.Affonso?.signup('user@example.com');
  await window.Affonso?.signup({ email: 'user@example.com', externalUserId: 'user_123', name: 'Jane' });
  await window.Affonso?.signup({ externalUserId: 'user_123' });
  // @ts-expect-error an e-mail address or a user's id
  await window.Affonso?.signup({ name: 'Jane' });
  const referral: string | undefined = window.Affonso?.getReferralId();
  const required: boolean | undefined = window.Affonso?.isConsentRequired();
  const granted: boolean | undefined = await window.affonsoConsentGranted?.();
  window.addEventListener('affonso_referral_ready', () => void window.affonso_referral?.length);
  // @ts-expect-error it may not be there yet
  void window.affitor.getClickId();
  void [referral, required, granted];
}

export { calls, globals };
