// Seed 001: POST /api/v1/track/lead links a customer to a click (Affitor).
import assert from 'node:assert/strict';
import { anyInteger, anyText, assertAnswer, oneOf } from './exact.mjs';
import {
  affitorError,
  affitorLead,
  bothMissing,
  customerNotFound,
  foreignCustomer,
  leadTracked,
  notFound,
  noTransitionToLead,
  saleTracked,
  success,
  testLeadTracked,
} from './shapes.mjs';

const TRACK_LEAD = '/api/v1/track/lead';

async function assertStillClick(scene, click) {
  assertAnswer(await scene.get(`/v1/referrals/${click}`), 404, notFound);
}

async function assertLead(scene, lead) {
  assertAnswer(await scene.get(`/v1/referrals/${lead.click}`), 200, success(affitorLead(scene.fixture, lead)));
}

export const cases = [
  {
    rows: ['S1-purpose', 'S1-purpose-advances', 'S1-endpoint', 'S1-example-request', 'S1-success-200', 'S1-header-content-type'],
    name: 'the example\'s request turns the click into a lead of that customer',
    async run(scene) {
      const click = await scene.click();
      await assertStillClick(scene, click);

      const answer = await scene.trackLead({ click_id: click, customer_key: 'usr_abc123', email: 'user@example.com' });

      assertAnswer(answer, 200, leadTracked);
      await assertLead(scene, { click, customerKey: 'usr_abc123', email: 'user@example.com' });
      assert.deepEqual(await scene.messageTypes(click), ['referral.lead']);
    },
  },
  {
    rows: ['S1-auth-server', 'S1-header-authorization', 'S1-field-customer_key', 'S1-field-email'],
    name: 'a lead with the program\'s token keeps the customer key, and of the e-mail only the mask, over a restart',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId, email }), 200, leadTracked);
      await scene.assertKept(`/v1/referrals/${click}`, success(affitorLead(scene.fixture, { click, customerKey: userId, email })));
    },
  },
  {
    rows: ['S1-auth-browser'],
    name: 'a lead from a page needs no Authorization header: the click id is the proof',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLeadFromBrowser({ click_id: click, customer_key: userId, email }), 200, leadTracked);
      await assertLead(scene, { click, customerKey: userId, email });
    },
  },
  {
    rows: ['S1-auth-server-optional'],
    name: 'a lead from a backend may leave the Authorization header out',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId }, null), 200, leadTracked);
      await assertLead(scene, { click, customerKey: userId });
    },
  },
  {
    rows: ['S1-header-content-type'],
    name: 'a body that is not JSON is an error and records nothing',
    async run(scene) {
      const click = await scene.click();
      const answer = await scene.ledger.request('POST', TRACK_LEAD, {
        key: scene.fixture.keys.token,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `click_id=${click}`,
      });

      assertAnswer(answer, 400, affitorError(anyText));
      await assertStillClick(scene, click);
    },
  },
  {
    rows: ['S1-field-click_id', 'S1-field-customer_key-required', 'S1-rule-one-required'],
    name: 'a click id alone is enough',
    async run(scene) {
      const click = await scene.click();

      assertAnswer(await scene.trackLead({ click_id: click }), 200, leadTracked);
      await assertLead(scene, { click });
    },
  },
  {
    rows: ['S1-field-click_id-required', 'S1-rule-one-required'],
    name: 'the customer key alone is enough for a customer who is known',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId }), 200, leadTracked);
      assertAnswer(await scene.trackLead({ customer_key: userId }), 200, leadTracked);
      await assertLead(scene, { click, customerKey: userId });
    },
  },
  {
    rows: ['S1-field-additional_data', 'S1-field-additional_data-event_name', 'S1-field-additional_data-test_mode'],
    name: 'the event name is kept with the event, and test_mode false is a real lead',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      const additional_data = { test_mode: false, event_name: 'trial_started_from_pricing' };

      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId, additional_data }), 200, leadTracked);

      const events = await scene.select('SELECT detail FROM event WHERE subject = ? ORDER BY seq', click);
      assert.ok(events.some(({ detail }) => String(detail).includes('trial_started_from_pricing')), JSON.stringify(events));
    },
  },
  {
    rows: ['S1-rule-both-recommended', 'S1-related-sale-next'],
    name: 'after a lead with both, a payment by the customer key alone is credited',
    async run(scene) {
      const { userId, email, orderId } = scene.newCustomer();
      const click = await scene.click();
      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId, email }), 200, leadTracked);

      const answer = await scene.trackSale({ transaction_id: orderId, amount_cents: 9900, currency: 'USD', customer_key: userId });

      assertAnswer(answer, 200, saleTracked);
      assert.deepEqual(await scene.commissionAmounts(click), [29.7]);
    },
  },
  {
    rows: ['S1-error-400-both-missing', 'S1-rule-one-required'],
    name: 'a lead with neither click id nor customer key is an error, with and without a token',
    async run(scene) {
      const { email } = scene.newCustomer();
      assertAnswer(await scene.trackLead({ email }), 400, bothMissing);
      assertAnswer(await scene.trackLead({}), 400, bothMissing);
      assertAnswer(await scene.trackLeadFromBrowser({ email }), 400, bothMissing);
    },
  },
  {
    rows: ['S1-error-400-no-customer', 'S1-related-click-first'],
    name: 'a lead without a click before it finds no customer',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      assertAnswer(await scene.trackLead({ click_id: 'cust_42_1234567890', email }), 400, customerNotFound);
      assertAnswer(await scene.trackLead({ customer_key: userId, email }), 400, customerNotFound);
      assertAnswer(await scene.trackLeadFromBrowser({ click_id: 'cust_42_1234567890', customer_key: userId }), 400, customerNotFound);
    },
  },
  {
    rows: ['S1-error-400-other-program', 'S1-auth-cross-check', 'S1-auth-token-validated'],
    name: 'another program\'s token cannot use the click, and the click stays usable for its own program',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: userId };

      // The source's own words for it, or those for an unknown customer (which do not tell that it exists elsewhere).
      const refusal = oneOf(foreignCustomer, customerNotFound);
      assertAnswer(await scene.trackLead(body, scene.fixture.other.keys.token), 400, refusal);
      await assertStillClick(scene, click);
      assertAnswer(await scene.trackLead(body), 200, leadTracked);
    },
  },
  {
    rows: ['S1-error-400-no-transition'],
    name: 'a customer who has already paid cannot become a lead again',
    async run(scene) {
      const { userId, orderId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: userId };
      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      assertAnswer(await scene.trackSale({ transaction_id: orderId, amount_cents: 9900, currency: 'USD', customer_key: userId }), 200, saleTracked);

      assertAnswer(await scene.trackLead(body), 400, noTransitionToLead);
      assertAnswer(await scene.trackLead({ customer_key: userId }), 400, noTransitionToLead);
    },
  },
  {
    rows: ['S1-error-401', 'S1-auth-token-validated'],
    name: 'an Authorization header that is wrong in any way is refused and records nothing',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: userId };

      for (const authorization of ['Bearer aff_nobodyhasthistoken', 'Bearer YOUR_PROGRAM_API_KEY', 'Bearer ', 'Basic dXNlcjpwYXNz']) {
        const answer = await scene.ledger.request('POST', TRACK_LEAD, { body, headers: { authorization } });
        assertAnswer(answer, 401, affitorError(anyText));
      }
      await assertStillClick(scene, click);
    },
  },
  {
    alone: true, // it breaks the database for a while
    rows: ['S1-error-500'],
    name: 'an unexpected error answers so, acknowledges nothing, and the retry succeeds',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: userId };

      await scene.select('ALTER TABLE event RENAME TO event_out_of_reach');
      const failed = await scene.trackLead(body);
      await scene.select('ALTER TABLE event_out_of_reach RENAME TO event');

      // 503 is the answer to a database that is away, 500 the one to everything else.
      assertAnswer(failed, oneOf(500, 503), affitorError(failed.status === 500 ? 'Lead tracking failed' : anyText));
      await assertStillClick(scene, click);
      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      assert.deepEqual(await scene.messageTypes(click), ['referral.lead']);
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S1-success-test-200', 'S1-test-example', 'S1-test-no-token', 'S1-test-program_id', 'S1-field-additional_data-test_mode', 'S1-field-additional_data-program_id'],
    name: 'the test mode example is answered as printed, without a token',
    async run(scene) {
      const body = { click_id: 'test_lead_001', customer_key: 'test_customer', additional_data: { test_mode: true, program_id: 1 } };
      assertAnswer(await scene.trackLead(body, null), 200, testLeadTracked(anyInteger, 1));
      await scene.assertNoProductionRows();
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S1-test-program_id', 'S1-field-click_id-required', 'S1-field-customer_key-required'],
    name: 'in test mode neither id is required, and program_id decides about the program',
    async run(scene) {
      const number = scene.fixture.other.program.number;
      const body = { additional_data: { test_mode: true, program_id: number } };
      assertAnswer(await scene.trackLead(body, null), 200, testLeadTracked(anyInteger, number));
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S1-test-is_test'],
    name: 'every test lead is an event of its own, kept as a test',
    async run(scene) {
      const body = { click_id: 'test_lead_002', additional_data: { test_mode: true, program_id: 1 } };
      const answers = [await scene.trackLead(body, null), await scene.trackLead(body, null)];
      for (const answer of answers) assertAnswer(answer, 200, testLeadTracked(anyInteger, 1));
      const [first, second] = answers.map((answer) => answer.json.data.eventId);

      assert.notEqual(first, second);
      await scene.assertKeptAsTest(first);
      await scene.assertKeptAsTest(second);
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S1-test-no-production'],
    name: 'a test lead leaves even a real click a click',
    async run(scene) {
      const click = await scene.click();
      const answer = await scene.trackLead({ click_id: click, customer_key: 'test_customer', additional_data: { test_mode: true, program_id: 1 } });

      assertAnswer(answer, 200, testLeadTracked(anyInteger, 1));
      await assertStillClick(scene, click);
      await scene.assertNoProductionRows();
    },
  },
];
