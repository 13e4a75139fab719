// What a case gets to work with: the ledger, the fixture, and the few things that nearly every case does.
import assert from 'node:assert/strict';
import { anyId, anyTimestamp, assertAnswer } from './exact.mjs';
import { success } from './shapes.mjs';

const browserHeaders = {
  origin: 'https://shop.example',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
};

let customers = 0;

/** A customer nobody has seen before: no case may depend on another one's. */
function newCustomer() {
  customers += 1;
  return {
    userId: `user_${customers}`,
    email: `jane.${customers}@example.com`,
    customerId: `cus_${customers}`,
    subscriptionId: `sub_${customers}`,
    orderId: `order_${customers}`,
  };
}

export class Scene {
  constructor(ledger) {
    this.ledger = ledger;
    this.fixture = ledger.fixture;
    this.newCustomer = newCustomer;
  }

  // --- calls -------------------------------------------------------------------------------------------------------

  /** Affonso's API with the team's live key, or with another one (null: none). */
  get(path, key = this.fixture.keys.live) {
    return this.ledger.request('GET', path, { key });
  }

  post(path, body, key = this.fixture.keys.live) {
    return this.ledger.request('POST', path, withKey(key, { body }));
  }

  /** Affitor's lead call from a backend: with the program's token, or with another one (null: none). */
  trackLead(body, token = this.fixture.keys.token) {
    return this.ledger.request('POST', '/api/v1/track/lead', withKey(token, { body }));
  }

  /** Affitor's lead call from a page: no Authorization header, but the origin that a browser adds. */
  trackLeadFromBrowser(body) {
    return this.ledger.request('POST', '/api/v1/track/lead', { body, headers: browserHeaders });
  }

  trackSale(body) {
    return this.ledger.request('POST', '/api/v1/track/sale', { key: this.fixture.keys.token, body });
  }

  // --- usual beginnings ----------------------------------------------------------------------------------------------

  /** A click through alice's link; its id is the click id. */
  async click() {
    return this.#clickOf({ key: this.fixture.keys.live, programId: this.fixture.program.id, trackingId: this.fixture.affiliate.trackingId });
  }

  /** A click that belongs to another team. */
  async clickOfOtherTeam() {
    const { keys, program, affiliate } = this.fixture.other;
    return this.#clickOf({ key: keys.live, programId: program.id, trackingId: affiliate.trackingId });
  }

  async #clickOf({ key, programId, trackingId }) {
    const answer = await this.post('/v1/clicks', { programId, trackingId }, key);
    assertAnswer(answer, 201, success({ id: anyId('ref_'), tracking_id: trackingId, program_id: programId, created_at: anyTimestamp }));
    return answer.json.data.id;
  }

  /** A customer who came through a click and signed up; the referral's id is the click's. */
  async signedUp(customer = newCustomer()) {
    const id = await this.click();
    const answer = await this.post('/v1/signups', { click_id: id, email: customer.email, external_user_id: customer.userId });
    assert.equal(answer.status, 201, `a sign-up to begin with: ${JSON.stringify(answer.json)}`);
    return { ...customer, referralId: id };
  }

  /** A referral recorded directly, without a click. */
  async referred(fields = {}) {
    const customer = newCustomer();
    const answer = await this.post('/v1/referrals', { affiliate_id: this.fixture.affiliate.id, email: customer.email, ...fields });
    assert.equal(answer.status, 201, `a referral to begin with: ${JSON.stringify(answer.json)}`);
    return { ...customer, referralId: answer.json.data.id };
  }

  // --- what was kept ---------------------------------------------------------------------------------------------------

  async select(sql, ...values) {
    const { results } = await this.ledger.db.prepare(sql).bind(...values).all();
    return results;
  }

  /** The webhook messages that a referral has caused, in order. */
  async messages(referralId) {
    const events = await this.select('SELECT kind, messages FROM event WHERE subject = ? ORDER BY seq', referralId);
    return events.flatMap((event) => JSON.parse(event.messages ?? '[]'));
  }

  async messageTypes(referralId) {
    return (await this.messages(referralId)).map((message) => message.type);
  }

  /** What a referral has earned, in US dollars, as the ledger holds it. */
  async commissionAmounts(referralId) {
    const commissions = await this.select('SELECT amount_minor FROM commission WHERE referral_id = ? ORDER BY created_at, id', referralId);
    return commissions.map((commission) => commission.amount_minor / 100);
  }

  /** An object can be read, and can still be read by a runtime that has just started. */
  async assertKept(path, json) {
    assertAnswer(await this.get(path), 200, json);
    await this.ledger.restart();
    assertAnswer(await this.get(path), 200, json);
  }

  async assertNoProductionRows() {
    for (const table of ['referral', 'conversion', 'event']) {
      const [{ rows }] = await this.select(`SELECT count(*) AS rows FROM ${table}`);
      assert.equal(rows, 0, `table ${table} must stay empty`);
    }
  }

  /** The stored line of a test event: it carries the number that was answered, and is marked as a test. */
  async assertKeptAsTest(eventId) {
    const lines = (await this.#testTables()).map((table) => this.select(`SELECT * FROM "${table}"`));
    const marked = (await Promise.all(lines)).flat().filter((line) => (line.is_test ?? 1) === 1);
    const numbers = marked.flatMap(({ id, event_id, number, seq }) => [id, event_id, number, seq]);
    assert.ok(numbers.includes(eventId), `no test line with the number ${eventId}`);
  }

  // The documents say `is_test: true` but name no table: any that marks its lines so, or is by name for tests only.
  async #testTables() {
    const tables = await this.select("SELECT name, sql FROM sqlite_master WHERE type = 'table'");
    const own = tables.filter(({ name }) => !/^(_cf_|sqlite_|d1_)/.test(name));
    return own.filter(({ name, sql }) => /test/.test(name) || /\bis_test\b/.test(sql)).map(({ name }) => name);
  }
}

const withKey = (key, request) => (key === null ? request : { key, ...request });
