// The demo shop. It stands in for a customer's own site: an account, a checkout, and the tracker's snippet between
// them. The panel beside it shows what Clickledger recorded. All data is written with textContent.
(() => {
  'use strict';

  const USER_KEY = 'half_quire_user';
  const GUEST_KEY = 'half_quire_guest';
  const TRACKER_COOKIES = ['affitor_click_id', 'affonso_referral', 'affitor_aff_url', 'customer_code'];
  const REFERRAL_PARAMETERS = ['aff', 'via', 'ref', 'atp', 'affonso'];
  const TRACKER_PATIENCE_MS = 4000;

  const byId = (id) => document.getElementById(id);

  // ---- Building elements -------------------------------------------------------------------------------------

  function el(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child != null && child !== ''));
    return node;
  }

  function time(iso) {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return el('span', '', String(iso ?? ''));
    const node = el('time', '', date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));
    node.dateTime = date.toISOString();
    node.title = `${date.toISOString()} (UTC)`;
    return node;
  }

  function money(amount, currency) {
    if (amount == null) return 'none';
    try {
      return new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(amount);
    } catch {
      return `${amount} ${currency ?? ''}`.trim();
    }
  }

  const words = (name) => String(name).replaceAll('_', ' ');

  const GOOD = ['active', 'customer', 'trialing', 'ready_for_payment', 'paid'];
  const BAD = ['rejected', 'declined', 'refunded', 'dispute', 'canceled'];
  const chip = (status) =>
    el('span', `chip ${GOOD.includes(status) ? 'good' : BAD.includes(status) ? 'bad' : ''}`, words(status));

  function facts(entries) {
    const list = el('dl', 'facts');
    for (const [name, value] of entries) {
      if (value != null && value !== '' && value !== false) list.append(el('dt', '', name), el('dd', '', value));
    }
    return list;
  }

  function why(explanation, reason) {
    if (!explanation && !reason) return null;
    return el('p', 'why', explanation, reason ? el('code', '', reason) : null);
  }

  /** Fills a `.result` box; every child is a line of its own. */
  function say(box, tone, ...lines) {
    box.classList.remove('good', 'wait', 'bad');
    if (tone) box.classList.add(tone);
    box.replaceChildren(...lines.filter(Boolean).map((line) => (line instanceof Node ? line : el('p', '', line))));
  }

  // ---- The shop's own backend --------------------------------------------------------------------------------

  /** Resolves with the JSON of a 2xx answer, else throws an Error whose `retryable` says if asking again can help. */
  async function call(path, body) {
    let response;
    try {
      response = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers: body ? { 'Content-Type': 'application/json' } : {},
        body: body ? JSON.stringify(body) : undefined,
        cache: 'no-store',
      });
    } catch {
      throw Object.assign(new Error('The shop could not be reached.'), { retryable: true });
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const text = answer?.error?.message ?? answer?.error ?? answer?.message;
    const message = typeof text === 'string' ? text : `The shop answered with status ${response.status}.`;
    const retryable = response.ok || response.status >= 500 || [409, 429].includes(response.status);
    throw Object.assign(new Error(message), { retryable });
  }

  /** crypto.randomUUID exists only on https and localhost; the demo may be opened over plain http in a local net. */
  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID();
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  // ---- Who is here -------------------------------------------------------------------------------------------

  function cookie(name) {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : '';
  }

  const clickId = () => cookie('affitor_click_id') || cookie('affonso_referral') || window.affonso_referral || '';
  const userId = () => sessionStorage.getItem(USER_KEY);
  /** The account, else the guest who has already bought in this visit, else nobody. */
  const customerKey = () => userId() || sessionStorage.getItem(GUEST_KEY) || '';

  function customerKeyForPurchase() {
    if (!customerKey()) sessionStorage.setItem(GUEST_KEY, `guest_${uuid()}`);
    return customerKey();
  }

  function showAccount() {
    const note = byId('account-state');
    if (userId()) note.replaceChildren('Signed in for this visit as ', el('code', '', userId()), '.');
    else note.replaceChildren();
  }

  function forgetVisitor() {
    // A cookie is deleted only by naming the domain it was set on, and the tracker picks the widest that sticks.
    const labels = location.hostname.split('.');
    const domains = ['', ...labels.map((_, i) => `; domain=${labels.slice(i).join('.')}`)];
    for (const name of TRACKER_COOKIES) {
      for (const domain of domains) document.cookie = `${name}=; path=/; max-age=0${domain}`;
    }
    localStorage.clear();
    sessionStorage.clear();
    location.href = '/demo';
  }

  // ---- Sign-up: the published snippet, word for word ---------------------------------------------------------

  const NOT_RECORDED = {
    no_click: 'You came through no affiliate, so nothing was sent and nothing was stored.',
    gpc: 'Your browser asks not to be tracked (Global Privacy Control), so nothing was stored.',
  };

  async function signUp(event) {
    event.preventDefault();
    const box = byId('signup-result');
    const button = event.target.querySelector('button');
    const email = byId('email').value.trim();
    button.disabled = true;
    say(box, '', 'Creating your account…');
    try {
      // Your own signup logic first
      const account = await call('/demo/backend/account', { email });
      sessionStorage.setItem(USER_KEY, account.user_id);
      showAccount();
      say(box, 'wait', 'Your account is ready. Telling the tracker…');

      if (window.affitor) {
        showSignup(box, await window.affitor.signup(account.user_id, email));
      } else {
        window.affitorQueue = window.affitorQueue || [];
        window.affitorQueue.push(['signup', account.user_id, email]);
        say(box, 'wait', 'Your account is ready.',
          'The tracker has not loaded yet. The sign-up waits in affitorQueue and is sent when it does.');
        setTimeout(refreshLedger, TRACKER_PATIENCE_MS);
      }
    } catch (error) {
      say(box, 'bad', 'That did not work.', error.message);
    } finally {
      button.disabled = false;
    }
    refreshLedger();
  }

  function showSignup(box, outcome) {
    const raw = outcome === undefined ? null : el('p', '', el('code', '', `signup() → ${JSON.stringify(outcome)}`));
    if (outcome?.recorded) {
      say(box, 'good', `Your account is ready, and the sign-up was recorded as “${words(outcome.status)}”.`, raw);
    } else {
      say(box, 'wait', 'Your account is ready. No sign-up was recorded.',
        NOT_RECORDED[outcome?.reason] ?? (outcome?.reason ? `Reason: ${words(outcome.reason)}.` : null), raw);
    }
  }

  // ---- Purchase ----------------------------------------------------------------------------------------------

  function buy(event) {
    const button = event.currentTarget;
    // Minted once per order, here and not in the request: sending the same order again can then not charge twice.
    const order = { product: button.dataset.product, customer_key: customerKeyForPurchase(), order_id: uuid() };
    return sendOrder(order, button);
  }

  async function sendOrder(order, button) {
    const box = byId('purchase-result');
    button.disabled = true;
    say(box, '', 'Placing your order…');
    try {
      showPurchase(box, await call('/demo/backend/purchase', order));
    } catch (error) {
      say(box, 'bad', el('p', '', el('strong', '', 'The order did not go through.')), error.message);
      if (error.retryable) {
        const again = el('button', 'quiet', 'Send the same order again');
        again.type = 'button';
        again.addEventListener('click', () => sendOrder(order, button));
        box.append(again);
      }
    } finally {
      button.disabled = false;
    }
    box.scrollIntoView({ block: 'nearest' });
    refreshLedger();
  }

  function showPurchase(box, answer) {
    const sale = answer.conversion;
    const paid = sale ? `Thank you. ${money(sale.sale_amount, sale.sale_amount_currency)} paid.` : 'Thank you. Your order is paid.';
    const earned = sale?.commission_amount == null ? null
      : el('span', 'chip good', `commission ${money(sale.commission_amount, sale.commission_currency)}`);
    const link = el('a', '', 'See why');
    link.href = '#panel';
    say(box, answer.credited ? 'good' : 'wait',
      el('p', '', el('strong', '', paid), ' ', answer.credited ? earned ?? el('span', 'chip', 'no commission') : el('span', 'chip', 'not credited')),
      el('p', '', answer.message, ' ', link),
      el('p', '', el('code', '', `order ${answer.order_id}`)));
  }

  // ---- The ledger panel --------------------------------------------------------------------------------------

  let latestRefresh = 0;

  async function refreshLedger() {
    const turn = ++latestRefresh;
    const status = byId('panel-status');
    const query = new URLSearchParams();
    if (clickId()) query.set('click_id', clickId());
    if (customerKey()) query.set('customer_key', customerKey());
    status.classList.remove('bad');
    if (!query.toString()) {
      // Nobody to ask about: no request either.
      showLedger({ click: null, referral: null, timeline: [], sales: [] });
      status.textContent = '';
      return;
    }
    try {
      const ledger = await call(`/demo/backend/ledger?${query}`);
      if (turn !== latestRefresh) return; // a later question is already on its way
      showLedger(ledger);
      status.textContent = `As of ${new Date().toLocaleTimeString()}.`;
    } catch (error) {
      if (turn !== latestRefresh) return;
      status.classList.add('bad');
      status.textContent = `The ledger could not be read: ${error.message}`;
    }
  }

  function fill(id, title, aside, ...content) {
    const section = byId(id);
    section.hidden = content.length === 0;
    section.replaceChildren(...(content.length ? [el('h3', '', title, aside), ...content] : []));
  }

  function showLedger({ click, referral, sales = [], timeline = [] }) {
    showEmpty(!click && !referral && !sales.length && !timeline.length);
    const affiliate = referral?.affiliate_name ?? click?.affiliate_name;
    byId('visitor').textContent = affiliate ? `You came through ${affiliate}`
      : click || arrivedByLink ? '' : 'You came through no affiliate';

    fill('panel-click', 'Click', null, ...(click ? [facts([
      ['Affiliate', click.affiliate_name], ['Link', click.tracking_id && el('code', '', click.tracking_id)],
      ['At', time(click.created_at)], ['Id', el('code', '', click.id)],
    ])] : []));

    fill('panel-referral', 'Referral', referral && chip(referral.status), ...(referral ? [facts([
      ['Affiliate', referral.affiliate_name], ['Customer', referral.email],
      ['Since', time(referral.created_at)],
      ['Id', referral.id !== click?.id && el('code', '', referral.id)], // a click's referral keeps the click's id
    ])] : []));

    fill('panel-sales', 'Sales', null, ...sales.map((sale) => el('div', 'sale',
      el('p', 'sale-line main', el('span', '', 'Sale ', sale.created_at && time(sale.created_at)), el('span', '', money(sale.amount, sale.currency))),
      el('p', 'sale-line', el('span', '', 'Commission ', sale.commission_status ? chip(sale.commission_status) : null),
        el('span', '', money(sale.commission_amount, sale.commission_currency))),
      why(sale.explanation, sale.reason))));

    fill('panel-timeline', 'Timeline', null, ...(timeline.length ? [el('ol', 'timeline', ...timeline.map(timelineItem))] : []));
  }

  function timelineItem({ at, event, reason, explanation, details }) {
    const item = el('li', '',
      el('p', 'timeline-head', el('strong', '', words(event)), time(at)), why(explanation, reason));
    const entries = Object.entries(details ?? {});
    if (entries.length) {
      const text = (value) => (value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value));
      item.append(el('details', '', el('summary', '', 'Inputs of this decision'),
        facts(entries.map(([name, value]) => [words(name), text(value)]))));
    }
    return item;
  }

  // A visitor with a link in the address is expected to be known soon; for anyone else, silence is the right answer.
  const arrivedByLink = REFERRAL_PARAMETERS.some((name) => new URLSearchParams(location.search).has(name));
  let trackerIsLate = false;

  function showEmpty(isEmpty) {
    const box = byId('panel-empty');
    box.hidden = !isEmpty;
    if (!isEmpty) return;
    const lines = clickId()
      ? ['The ledger knows nothing about this visitor’s click.',
        'The cookie may be older than the ledger: “Forget this visitor” starts again.']
      : !arrivedByLink
        ? ['This visitor came through no affiliate, and nothing was stored.',
          'No cookie, no click, no row: a page view without a link leaves no trace. Arrive through the link above to see the difference.']
        : !trackerIsLate
          ? ['You came through an affiliate’s link.', 'Waiting for the tracker to record the click…']
          : ['You came through an affiliate’s link, but no click was recorded.',
            navigator.globalPrivacyControl
              ? 'Your browser sends Global Privacy Control, and this program honours it: nothing was stored.'
              : 'The link may be unknown, or the tracker was blocked. The browser’s console says more.'];
    box.replaceChildren(...lines.map((line) => el('p', '', line)));
  }

  // ---- Start -------------------------------------------------------------------------------------------------

  byId('signup-form').addEventListener('submit', signUp);
  byId('forget').addEventListener('click', forgetVisitor);
  byId('panel-refresh').addEventListener('click', refreshLedger);
  for (const button of document.querySelectorAll('.buy')) button.addEventListener('click', buy);
  window.addEventListener('affonso_referral_ready', refreshLedger);

  showAccount();
  // The event may have fired before this script ran; the cookie then already holds the id.
  refreshLedger();
  if (arrivedByLink) {
    setTimeout(() => {
      trackerIsLate = true;
      if (!clickId()) refreshLedger();
    }, TRACKER_PATIENCE_MS);
  }
})();
