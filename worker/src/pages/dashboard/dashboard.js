// The dashboard's overview for the holder of a secret key. Everything shown comes from one request and is written
// with textContent: page addresses and customers' names are other people's words.
(() => {
  'use strict';

  // Session storage, not local: the key leaves with the tab and is never on disk for the next person.
  const KEY = 'clickledger_key';

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

  /** `amount` is a decimal's text; it is only formatted here, never calculated with. */
  function money(amount, currency) {
    try {
      return new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(amount);
    } catch {
      return `${amount} ${currency ?? ''}`.trim();
    }
  }

  const words = (name) => String(name).replaceAll('_', ' ');
  const absent = (text) => el('span', 'absent', text);

  const GOOD = ['active', 'customer', 'complete', 'ready_for_payment', 'paid'];
  const BAD = ['rejected', 'declined', 'failed', 'refunded', 'dispute', 'canceled'];
  const chip = (status) =>
    el('span', `chip ${GOOD.includes(status) ? 'good' : BAD.includes(status) ? 'bad' : ''}`, words(status));

  // ---- The four tables ---------------------------------------------------------------------------------------
  // A column is [heading, class, cell]; a cell returns what stands in it: text, a node, or a list of both.

  const when = ['When', 'when', (row) => [
    el('span', 'stamp', time(row.created_at), row.is_test ? el('span', 'chip test', 'test') : null),
    el('code', '', row.id)]];
  const amount = (note) => ['Amount', 'money', (row) => [
    el('span', 'value', row.amount == null ? absent('not known yet') : money(row.amount, row.currency)), note?.(row)]];
  const status = (field) => ['Status', 'status-cell', (row) => chip(row[field])];
  const affiliate = ['Affiliate', 'who', (row) => row.affiliate_name ?? absent('none')];
  const why = ['Why', '', (row) => [row.explanation, row.reason ? el('code', '', row.reason) : null]];

  const TABLES = {
    clicks: {
      empty: 'No clicks yet. The first one appears here as soon as a visitor arrives through an affiliate’s link.',
      columns: [when,
        ['Affiliate', 'who', (row) => [row.affiliate_name ?? absent('unknown'), el('code', '', row.tracking_id)]],
        ['Page', '', (row) => row.page_url || absent('not sent')],
        ['Came from', 'from', (row) => row.referrer || absent('not sent')]],
    },
    leads: {
      empty: 'No leads yet. A lead is recorded when a visitor with a click signs up.',
      columns: [when, ['Customer', 'who', (row) => row.customer || absent('not named')], status('status'), affiliate, why],
    },
    sales: {
      empty: 'No sales yet. A sale appears here when your backend or your payment provider reports it.',
      columns: [when, amount(), status('sales_status'),
        ['Affiliate', 'who', (row) => (row.attributed ? row.affiliate_name ?? '' : absent('not credited'))], why],
    },
    commissions: {
      empty: 'No commissions yet. A commission follows from a sale or a lead that an incentive prices.',
      columns: [when, amount((row) => el('span', 'sub', `for a ${row.kind}`)), status('status'), affiliate, why],
    },
  };

  /** Roles are set although the elements imply them: as cards (display: block) browsers would drop the table. */
  function withRole(node, role) {
    node.setAttribute('role', role);
    return node;
  }

  function table(columns, rows, labelledBy) {
    const head = columns.map(([heading, className]) => {
      const cell = withRole(el('th', className, heading), 'columnheader');
      cell.scope = 'col';
      return cell;
    });
    const body = rows.map((row) => withRole(el('tr', '', ...columns.map(([heading, className, content]) => {
      const cell = withRole(el('td', className, el('div', '', ...[content(row)].flat().filter((part) => part != null))), 'cell');
      cell.dataset.label = heading;
      return cell;
    })), 'row'));
    const node = withRole(el('table', '',
      withRole(el('thead', '', withRole(el('tr', '', ...head), 'row')), 'rowgroup'),
      withRole(el('tbody', '', ...body), 'rowgroup')), 'table');
    node.setAttribute('aria-labelledby', labelledBy);
    return node;
  }

  // ---- Showing the overview ----------------------------------------------------------------------------------

  function showOverview(data) {
    const { program, totals } = data;
    byId('program').replaceChildren(el('strong', '', program.name), ` no. ${program.number}, in ${data.currency}`);
    byId('program').title = program.id;

    const total = (label, value, className) => el('div', className, el('dt', '', label), el('dd', '', el('span', '', value)));
    const count = (value) => Number(value).toLocaleString('en-US');
    byId('totals').firstElementChild.replaceChildren(
      total('Clicks', count(totals.clicks)),
      total('Leads', count(totals.leads)),
      total('Sales', count(totals.sales)),
      total('Sales not credited', count(totals.unattributed_sales)),
      total('Commission', money(totals.commission, data.currency), 'sum'));

    for (const [id, { columns, empty }] of Object.entries(TABLES)) {
      const rows = data[id] ?? [];
      byId(id).querySelector('.rows').replaceChildren(
        rows.length ? table(columns, rows, `${id}-title`) : el('p', 'empty', empty));
    }
  }

  function showSignedIn(signedIn) {
    byId('sign-in').hidden = signedIn;
    byId('overview').hidden = !signedIn;
    byId('sign-out').hidden = !signedIn;
    if (!signedIn) byId('program').replaceChildren();
  }

  function showKeyError(text) {
    byId('key-error').textContent = text;
    byId('key').setAttribute('aria-invalid', text ? 'true' : 'false');
  }

  // ---- Fetching ----------------------------------------------------------------------------------------------

  class Refused extends Error {}

  async function fetchOverview(key, signal) {
    let response;
    try {
      response = await fetch(`/dashboard/overview?test=${byId('show-test').checked ? 1 : 0}`, {
        headers: { Authorization: `Bearer ${key}` }, cache: 'no-store', credentials: 'omit', signal,
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Error('The server could not be reached. Try again in a moment.');
    }
    if (response.status === 401) throw new Refused('This key is not known here, or it was disabled. Check it and paste it again.');
    if (response.status === 403) throw new Refused('This key may not read the overview. Use a key with the right to read.');
    if (response.status === 429) {
      const seconds = response.headers.get('Retry-After');
      throw new Error(`Too many requests with this key. Try again ${seconds ? `in ${seconds} s` : 'in a moment'}.`);
    }
    const data = await response.json().catch(() => null);
    if (!response.ok || !data) throw new Error(`The server answered with status ${response.status}. Try again in a moment.`);
    return data;
  }

  let running = null;

  /** Loads with `key`; only a key that the server accepted is kept. */
  async function load(key) {
    running?.abort();
    const turn = running = new AbortController();
    const status = byId('status');
    const firstTime = byId('overview').hidden;
    status.classList.remove('bad');
    status.textContent = 'Loading…';
    byId('overview').setAttribute('aria-busy', 'true');
    try {
      const data = await fetchOverview(key, turn.signal);
      if (turn !== running) return;
      sessionStorage.setItem(KEY, key);
      showOverview(data);
      showKeyError('');
      showSignedIn(true);
      byId('key').value = '';
      if (firstTime) byId('overview-title').focus(); // the form that held the focus is gone
      status.textContent = `As of ${new Date().toLocaleTimeString()}`;
    } catch (error) {
      if (turn !== running) return;
      if (error instanceof Refused) signOut(error.message);
      else if (firstTime) {
        showSignedIn(false);
        showKeyError(error.message);
      } else {
        // What is on the page stays: an old number with a warning says more than none.
        status.classList.add('bad');
        status.textContent = error.message;
      }
    } finally {
      if (turn === running) byId('overview').removeAttribute('aria-busy');
    }
  }

  function signOut(message = '') {
    running?.abort();
    running = null;
    sessionStorage.removeItem(KEY);
    for (const id of Object.keys(TABLES)) byId(id).querySelector('.rows').replaceChildren();
    byId('totals').firstElementChild.replaceChildren();
    showSignedIn(false);
    showKeyError(message);
    byId('key').focus();
  }

  function submitKey(event) {
    event.preventDefault();
    const key = byId('key').value.trim();
    // Caught here because such a text is most likely a slip, and some of them cannot even be sent in a header.
    if (key.startsWith('aff_')) return showKeyError('This is a program token, which is public. The overview needs a secret key (sk_live_…).');
    if (!/^sk_[\x21-\x7e]+$/.test(key)) return showKeyError('A secret key begins with sk_live_ and has no spaces.');
    showKeyError('');
    const button = byId('key-form').querySelector('button');
    button.disabled = true;
    return load(key).finally(() => { button.disabled = false; });
  }

  // ---- Start -------------------------------------------------------------------------------------------------

  const kept = () => sessionStorage.getItem(KEY);
  byId('key-form').addEventListener('submit', submitKey);
  byId('sign-out').addEventListener('click', () => signOut());
  byId('refresh').addEventListener('click', () => load(kept()));
  byId('show-test').addEventListener('change', () => load(kept()));

  if (kept()) {
    byId('sign-in').hidden = true; // no flash of the form while the kept key is tried
    load(kept());
  }
})();
