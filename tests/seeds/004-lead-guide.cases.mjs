// Seed 004: the guide to lead tracking (Affitor). What happens in the page is proven by the browser walk.
import assert from 'node:assert/strict';
import { connect, deliver, event, session } from '../api/stripe_calls.mjs';
import { anyInteger, anyText, assertAnswer, including, oneOf } from './exact.mjs';
import { affitorError, affitorLead, bothMissing, customerNotFound, leadTracked, notFound, saleCustomerNotFound, saleTracked, success, testLeadTracked } from './shapes.mjs';

const CLI_TEST_EVENT = '/api/v1/cli/test-event';

async function assertLead(scene, lead) {
  assertAnswer(await scene.get(`/v1/referrals/${lead.click}`), 200, success(affitorLead(scene.fixture, lead)));
}

async function leadMessages(scene, referralId) {
  return (await scene.messageTypes(referralId)).filter((type) => type === 'referral.lead');
}

const testExample = (program_id) => ({ click_id: 'test_lead_001', customer_key: 'test_customer', additional_data: { test_mode: true, program_id } });

// The command line's routes may answer an error with a code beside its text.
const refused = affitorError(oneOf(anyText, including({ code: anyText, message: anyText })));

const saleOf = ({ orderId }, customerKey) => ({ transaction_id: orderId, amount_cents: 9900, currency: 'USD', customer_key: customerKey });

// The bodies that the guide's two server examples send. A cookie that is not there is `undefined` in JavaScript, which
// JSON leaves out, and `None` in Python, which JSON writes as null.
const nodeExampleBody = ({ cookies, newUser }) => ({ click_id: cookies.affitor_click_id, customer_key: newUser.id, email: newUser.email });
const pythonExampleBody = ({ cookies, newUser }) => ({ click_id: cookies.affitor_click_id ?? null, customer_key: String(newUser.id), email: newUser.email });

export const cases = [
  {
    rows: ['S4-links-signup', 'S4-stores-customer-id', 'S4-moves-forward', 'S4-name-api', 'S4-before-click', 'S4-before-stable-id', 'S4-server-endpoint', 'S4-server-body', 'S4-server-response', 'S4-mode-server'],
    name: 'the guide\'s request turns the click into a lead that carries the customer\'s id',
    async run(scene) {
      const click = await scene.click();
      assertAnswer(await scene.get(`/v1/referrals/${click}`), 404, notFound);

      assertAnswer(await scene.trackLead({ click_id: click, customer_key: 'usr_abc123', email: 'user@example.com' }), 200, leadTracked);
      await assertLead(scene, { click, customerKey: 'usr_abc123', email: 'user@example.com' });
    },
  },
  {
    rows: ['S4-stores-customer-id', 'S4-same-identifier-api', 'S4-server-rule-both', 'S4-wrong-id-sale', 'S4-next-sale'],
    name: 'the key of the sign-up is the key of the sale: the same one is credited, another one is not',
    async run(scene) {
      const customer = scene.newCustomer();
      const click = await scene.click();
      assertAnswer(await scene.trackLead({ click_id: click, customer_key: customer.userId, email: customer.email }), 200, leadTracked);

      assertAnswer(await scene.trackSale(saleOf(customer, `${customer.userId}_billing`)), 400, saleCustomerNotFound);
      assertAnswer(await scene.trackSale(saleOf(customer, customer.userId)), 200, saleTracked);
      assert.deepEqual(await scene.commissionAmounts(click), [29.7]);
    },
  },
  {
    rows: ['S4-name-stripe', 'S4-same-identifier-stripe', 'S4-wrong-id-stripe', 'S4-next-sale'],
    name: 'the key of the sign-up is the key in Stripe\'s metadata: the same one is credited, another one is listed with what it was compared to',
    async run(scene) {
      const customer = scene.newCustomer();
      const click = await scene.click();
      assertAnswer(await scene.trackLead({ click_id: click, customer_key: customer.userId, email: customer.email }), 200, leadTracked);

      await connect(scene.ledger);
      const paidBy = (affitor_customer_key) => session({ amount_total: 9_900, metadata: { affitor_customer_key } });
      const [wrong, right] = [paidBy(`${customer.userId}_billing`), paidBy(customer.userId)];
      for (const object of [wrong, right, right]) {
        const { status, json } = await deliver(scene.ledger, event('checkout.session.completed', object));
        assert.deepEqual([status, json], [200, { received: true, handled: true }]);
      }
      assert.deepEqual(await scene.commissionAmounts(click), [29.7]);
      const listed = await scene.get(`/v1/conversions/unattributed?external_event_id=${wrong.payment_intent}`);
      const tried = listed.json.data.map(({ identifiers }) => identifiers.tried);
      assert.deepEqual(tried, [[{ name: 'external_user_id', value: `${customer.userId}_billing`, referral_id: null }]]);
    },
  },
  {
    rows: ['S4-server-rule-one'],
    name: 'one of click id and customer key is enough, none is an error',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLead({ email }), 400, bothMissing);
      assertAnswer(await scene.trackLead({ click_id: click }), 200, leadTracked);
      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId }), 200, leadTracked);
      assertAnswer(await scene.trackLead({ customer_key: userId }), 200, leadTracked);
    },
  },
  {
    rows: ['S4-example-node'],
    name: 'the Node.js example\'s body is accepted',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();
      const body = nodeExampleBody({ cookies: { affitor_click_id: click }, newUser: { id: userId, email } });

      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      await assertLead(scene, { click, customerKey: userId, email });
    },
  },
  {
    rows: ['S4-example-python'],
    name: 'the Python example\'s body is accepted',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      const body = pythonExampleBody({ cookies: { affitor_click_id: click }, newUser: { id: 90210, email } });

      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      await assertLead(scene, { click, customerKey: '90210', email });
    },
  },
  {
    rows: ['S4-example-node', 'S4-example-python', 'S4-unattributed-cookie', 'S4-unattributed-no-click'],
    name: 'without the cookie both examples\' bodies find no customer: a null click id is none',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const visitor = { cookies: {}, newUser: { id: userId, email } };

      assertAnswer(await scene.trackLead(nodeExampleBody(visitor)), 400, customerNotFound);
      assertAnswer(await scene.trackLead(pythonExampleBody(visitor)), 400, customerNotFound);
    },
  },
  {
    rows: ['S4-mode-browser'],
    name: 'a sign-up in the browser needs no Bearer token',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.trackLeadFromBrowser({ click_id: click, customer_key: userId, email }), 200, leadTracked);
      await assertLead(scene, { click, customerKey: userId, email });
    },
  },
  {
    rows: ['S4-modes-same-customer'],
    name: 'browser and server, with the same internal id, mean the same customer',
    async run(scene) {
      const customer = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: customer.userId, email: customer.email };

      assertAnswer(await scene.trackLeadFromBrowser(body), 200, leadTracked);
      assertAnswer(await scene.trackLead(body), 200, leadTracked);

      await assertLead(scene, { click, customerKey: customer.userId, email: customer.email });
      assert.equal((await leadMessages(scene, click)).length, 1);
    },
  },
  {
    rows: ['S4-unattributed-key'],
    name: 'a customer key that nobody signed up with finds no customer',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();
      assertAnswer(await scene.trackLead({ click_id: click, customer_key: userId, email }), 200, leadTracked);

      assertAnswer(await scene.trackLead({ customer_key: `${userId}_mistyped` }), 400, customerNotFound);
    },
  },
  {
    rows: ['S4-duplicate'],
    name: 'a lead that is sent again, also after a restart, is the same lead',
    async run(scene) {
      const { userId, email } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, customer_key: userId, email };

      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      assertAnswer(await scene.trackLead(body), 200, leadTracked);
      await scene.ledger.restart();
      assertAnswer(await scene.trackLead(body), 200, leadTracked);

      await assertLead(scene, { click, customerKey: userId, email });
      assert.equal((await leadMessages(scene, click)).length, 1);
    },
  },

  // --- test mode ------------------------------------------------------------------------------------------------------------
  {
    ledger: 'testEventsOnly',
    rows: ['S4-test-curl', 'S4-test-response'],
    name: 'the test mode example is answered as printed: no token, the program as text',
    async run(scene) {
      for (const program_id of [String(scene.fixture.program.number), scene.fixture.program.id]) {
        const answer = await scene.trackLead(testExample(program_id), null);
        assertAnswer(answer, 200, testLeadTracked(anyInteger, scene.fixture.program.number));
      }
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S4-test-is_test', 'S4-test-no-transition'],
    name: 'a test lead is kept as a test and makes no lead and no customer',
    async run(scene) {
      const answer = await scene.trackLead(testExample('1'), null);

      assertAnswer(answer, 200, testLeadTracked(anyInteger, 1));
      await scene.assertKeptAsTest(answer.json.data.eventId);
      await scene.assertNoProductionRows();
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S4-cli', 'S4-test-verifiable'],
    name: 'the command line\'s test lead is confirmed, twice as two events, and nothing real is recorded',
    async run(scene) {
      const send = () => scene.post(CLI_TEST_EVENT, { program_id: scene.fixture.program.number, event_type: 'lead' }, scene.fixture.keys.token);
      const confirmed = including({ success: true, event_type: 'lead', event_id: anyInteger, received: true });
      const answers = [await send(), await send()];

      for (const answer of answers) assertAnswer(answer, 200, confirmed);
      assert.notEqual(answers[0].json.event_id, answers[1].json.event_id);
      await scene.assertKeptAsTest(answers[1].json.event_id);
      await scene.assertNoProductionRows();
    },
  },
  {
    ledger: 'testEventsOnly',
    rows: ['S4-cli'],
    name: 'the command line\'s test lead needs the program\'s token',
    async run(scene) {
      const body = { program_id: scene.fixture.program.number, event_type: 'lead' };
      assertAnswer(await scene.post(CLI_TEST_EVENT, body, null), 401, refused);
      assertAnswer(await scene.post(CLI_TEST_EVENT, body, 'aff_nobodyhasthistoken'), 401, refused);
    },
  },
];
