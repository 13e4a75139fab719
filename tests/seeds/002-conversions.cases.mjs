// Seed 002: POST /v1/conversions credits a sale and calculates the commission (Affonso).
import assert from 'node:assert/strict';
import { anything, anyText, assertAnswer, instant, listAbout, oneOf, optional } from './exact.mjs';
import { conversion, invalid, notFound, nothingEarned, repeated, success } from './shapes.mjs';

const CONVERSIONS = '/v1/conversions';

/** The smallest sale of a customer: 99.00 USD, on which 29.70 is earned. */
const saleOf = (customer, more = {}) => ({
  external_user_id: customer.userId,
  sale_amount: 99,
  sale_amount_currency: 'USD',
  external_event_id: customer.orderId,
  ...more,
});

/** Posts a sale, and reads it back by its id. */
async function assertConverted(scene, body, fields) {
  const expected = success(conversion(scene.fixture, { external_event_id: body.external_event_id, ...fields }));
  const answer = await scene.post(CONVERSIONS, body);
  assertAnswer(answer, 201, expected);
  assertAnswer(await scene.get(`${CONVERSIONS}/${answer.json.data.id}`), 200, expected);
  return answer.json.data;
}

/** Posts a new customer's sale of 99.00 with these fields, and expects this commission. */
async function earns(scene, fields, commission_amount, more = {}) {
  const customer = await scene.signedUp();
  await assertConverted(scene, saleOf(customer, fields), { ...fields, commission_amount, ...more });
}

/** What the ledger holds of a conversion, whatever its columns are called. */
async function storedValues(scene, id) {
  const [row] = await scene.select('SELECT * FROM conversion WHERE id = ?', id);
  return Object.values(row);
}

// Of a sale or commission that is not going to be paid it is not said what its amount shows.
const earnsInFull = { commission_amount: 29.7 };
const earningLeftOpen = { commission_amount: anything, commission_currency: anything, status: anything };
const earningFieldsLeftOpen = { ...earningLeftOpen, earning_id: anything, earning_type: anything, matched_incentive_id: anything, hold_period_days: anything };

const commissionStatuses = {
  pending: earnsInFull,
  pending_manual_approval: earnsInFull,
  ready_for_payment: earnsInFull,
  processing_payout: earnsInFull,
  paid: earnsInFull,
  declined: earningLeftOpen,
  refunded: earningLeftOpen,
  dispute: earningLeftOpen,
};

const commissionStatusCases = Object.entries(commissionStatuses).map(([status, earned]) => ({
  rows: [`S2-status-${status}`, 'S2-field-status'],
  name: `a conversion sent as ${status} has that commission status`,
  async run(scene) {
    const customer = await scene.signedUp();
    await assertConverted(scene, saleOf(customer, { status }), { ...earned, status });
  },
}));

const salesStatuses = {
  open: earningFieldsLeftOpen,
  complete: earnsInFull,
  trialing: earningFieldsLeftOpen,
  failed: earningFieldsLeftOpen,
  refunded: earningFieldsLeftOpen,
  partial_refunded: earningFieldsLeftOpen,
};

const salesStatusCases = Object.entries(salesStatuses).map(([sales_status, earned]) => ({
  rows: [`S2-sales_status-${sales_status}`, 'S2-field-sales_status'],
  name: `a purchase that is ${sales_status} is recorded as that`,
  async run(scene) {
    const customer = await scene.signedUp();
    await assertConverted(scene, saleOf(customer, { sales_status }), { ...earned, sales_status });
  },
}));

export const cases = [
  {
    rows: ['S2-purpose', 'S2-resolves-referral', 'S2-matches-incentive', 'S2-calculates-commission', 'S2-creates-earning', 'S2-response-created', 'S2-response-success', 'S2-response-data'],
    name: 'a sale of 99.00 is credited to the customer\'s referral and earns 29.70',
    async run(scene) {
      const customer = await scene.signedUp();
      await assertConverted(scene, saleOf(customer), { referral_id: customer.referralId, external_user_id: customer.userId, replayed: optional(false) });
    },
  },
  {
    rows: [
      'S2-field-referral_id', 'S2-field-customer_id', 'S2-field-external_user_id', 'S2-field-click_id', 'S2-field-sale_amount', 'S2-field-sale_amount_currency',
      'S2-field-product_ids', 'S2-field-price_ids', 'S2-interval-yearly', 'S2-field-is_subscription', 'S2-field-external_event_id', 'S2-field-status', 'S2-field-sales_status', 'S2-field-metadata',
    ],
    name: 'every field of the body can be read back, also by a runtime that has just started',
    async run(scene) {
      const customer = await scene.signedUp();
      const sent = {
        referral_id: customer.referralId,
        customer_id: customer.customerId,
        external_user_id: customer.userId,
        click_id: customer.referralId,
        sale_amount: 99.0,
        sale_amount_currency: 'USD',
        product_ids: ['prod_a', 'prod_b'],
        price_ids: ['price_a'],
        interval: 'yearly',
        is_subscription: true,
        external_event_id: customer.orderId,
        status: 'pending',
        sales_status: 'complete',
        metadata: { plan: 'enterprise', seats: 12, annual: true, tags: ['a', 'b'] },
      };

      const { id } = await assertConverted(scene, sent, sent);
      await scene.assertKept(`${CONVERSIONS}/${id}`, success(conversion(scene.fixture, { id, ...sent })));
    },
  },

  // --- whose sale it is ---------------------------------------------------------------------------------------------
  {
    rows: ['S2-field-referral_id', 'S2-field-identifiers-optional'],
    name: 'a referral id alone finds the referral',
    async run(scene) {
      const { referralId, orderId } = await scene.referred();
      const body = { referral_id: referralId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId };
      await assertConverted(scene, body, { referral_id: referralId });
    },
  },
  {
    rows: ['S2-field-customer_id', 'S2-field-identifiers-optional'],
    name: 'a customer id alone finds the referral that carries it',
    async run(scene) {
      const { customerId } = scene.newCustomer();
      const { referralId, orderId } = await scene.referred({ customer_id: customerId });
      const body = { customer_id: customerId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId };
      await assertConverted(scene, body, { referral_id: referralId, customer_id: customerId });
    },
  },
  {
    rows: ['S2-field-customer_id'],
    name: 'a customer id that was sent beside the referral id once is enough the next time',
    async run(scene) {
      const customer = await scene.signedUp();
      const { referralId, customerId } = customer;
      const first = { referral_id: referralId, customer_id: customerId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: `${customer.orderId}_1` };
      const second = { customer_id: customerId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: `${customer.orderId}_2` };

      await assertConverted(scene, first, { referral_id: referralId, customer_id: customerId });
      await assertConverted(scene, second, { referral_id: referralId, customer_id: customerId });
    },
  },
  {
    rows: ['S2-field-external_user_id', 'S2-field-identifiers-optional'],
    name: 'the user id of the sign-up alone finds the referral',
    async run(scene) {
      const customer = await scene.signedUp();
      await assertConverted(scene, saleOf(customer), { referral_id: customer.referralId, external_user_id: customer.userId });
    },
  },
  {
    rows: ['S2-field-click_id', 'S2-field-identifiers-optional'],
    name: 'a click id alone finds the click, also of somebody who never signed up',
    async run(scene) {
      const { orderId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId };
      await assertConverted(scene, body, { referral_id: click, click_id: click });
    },
  },
  {
    rows: ['S2-rule-identifier'],
    name: 'a sale without any of the four identifiers is an error',
    async run(scene) {
      const { orderId } = scene.newCustomer();
      const body = { sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId };
      const anyIdentifier = optional(oneOf('referral_id', 'customer_id', 'external_user_id', 'click_id'));
      assertAnswer(await scene.post(CONVERSIONS, body), 400, invalid(anyIdentifier));
    },
  },
  {
    rows: ['S2-rule-identifier'],
    name: 'identifiers that point to two referrals are an error, and nothing is credited',
    async run(scene) {
      const [one, another] = [await scene.signedUp(), await scene.signedUp()];
      const answer = await scene.post(CONVERSIONS, saleOf(one, { referral_id: another.referralId }));

      assertAnswer(answer, 400, invalid(optional(anyText)));
      assert.deepEqual(await scene.commissionAmounts(one.referralId), []);
      assert.deepEqual(await scene.commissionAmounts(another.referralId), []);
    },
  },
  {
    rows: ['S2-resolves-referral-organic'],
    name: 'a sale of somebody who came through no affiliate is not found',
    async run(scene) {
      const customer = scene.newCustomer();
      assertAnswer(await scene.post(CONVERSIONS, saleOf(customer)), 404, notFound);
    },
  },
  {
    rows: ['S2-field-referral_id', 'S2-resolves-referral'],
    name: 'another team\'s referral is not found',
    async run(scene) {
      const { orderId } = scene.newCustomer();
      const click = await scene.clickOfOtherTeam();
      for (const identifier of ['referral_id', 'click_id']) {
        const body = { [identifier]: click, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId };
        assertAnswer(await scene.post(CONVERSIONS, body), 404, notFound);
      }
    },
  },

  // --- amount and currency ------------------------------------------------------------------------------------------
  {
    rows: ['S2-field-sale_amount', 'S2-calculates-commission'],
    name: 'the commission is rounded half up to the cent, once',
    async run(scene) {
      // 30 % by hand: 0.015, 3.003, 29.985 and 370370.367.
      const worked = [[0.05, 0.02], [10.01, 3], [99.95, 29.99], [1234567.89, 370370.37]];
      for (const [sale_amount, commission_amount] of worked) {
        const customer = await scene.signedUp();
        await assertConverted(scene, saleOf(customer, { sale_amount }), { sale_amount, commission_amount });
      }
    },
  },
  {
    rows: ['S2-field-sale_amount-positive'],
    name: 'a sale amount that is missing, zero, negative or no number is an error of sale_amount',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const sale_amount of [undefined, null, 0, -1, 'ninety-nine', true, [99]]) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { sale_amount })), 400, invalid('sale_amount'));
      }
      // The failed tries have not used up the order id.
      await assertConverted(scene, saleOf(customer), {});
    },
  },
  {
    rows: ['S2-field-sale_amount_currency'],
    name: 'a currency that is not a three-letter code is an error of sale_amount_currency',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const sale_amount_currency of ['US', 'DOLLAR', '840', 840]) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { sale_amount_currency })), 400, invalid('sale_amount_currency'));
      }
    },
  },
  {
    rows: ['S2-field-sale_amount_currency', 'S2-field-sale_amount_currency-preserves'],
    name: 'a sale of 80.00 EUR to a team that is paid in USD keeps the euros; what it earns waits for a rate',
    async run(scene) {
      const customer = await scene.signedUp();
      const sale = saleOf(customer, { sale_amount: 80, sale_amount_currency: 'EUR' });
      const fields = { sale_amount: 80, sale_amount_currency: 'EUR', commission_amount: null, commission_currency: 'USD', status: 'pending', reason: 'missing_rate' };
      const data = await assertConverted(scene, sale, fields);
      const stored = await storedValues(scene, data.id);
      for (const value of [8000, 'EUR']) assert.ok(stored.includes(value), `${value} is kept: ${JSON.stringify(stored)}`);
    },
  },

  // --- which incentive matches ----------------------------------------------------------------------------------------
  {
    ledger: 'manyIncentives',
    rows: ['S2-field-product_ids', 'S2-matches-incentive'],
    name: 'a product with an incentive of its own earns 50 %, another one the general 30 %',
    async run(scene) {
      await earns(scene, { product_ids: ['prod_other', 'prod_pro'] }, 49.5);
      await earns(scene, { product_ids: ['prod_other'] }, 29.7);
      await earns(scene, { product_ids: ['prod_pro'], interval: 'yearly', is_subscription: true }, 49.5);
    },
  },
  {
    ledger: 'manyIncentives',
    rows: ['S2-field-price_ids', 'S2-matches-incentive'],
    name: 'a price with an incentive of its own earns 40 %, another one the general 30 %',
    async run(scene) {
      await earns(scene, { price_ids: ['price_gold'] }, 39.6);
      await earns(scene, { price_ids: ['price_other'] }, 29.7);
    },
  },
  {
    ledger: 'manyIncentives',
    rows: ['S2-interval-monthly', 'S2-field-is_subscription'],
    name: 'a monthly subscription earns the 10 % of monthly plans',
    run: (scene) => earns(scene, { interval: 'monthly', is_subscription: true }, 9.9),
  },
  {
    ledger: 'manyIncentives',
    rows: ['S2-interval-yearly', 'S2-field-is_subscription'],
    name: 'a yearly subscription earns the 20 % of yearly plans',
    run: (scene) => earns(scene, { interval: 'yearly', is_subscription: true }, 19.8),
  },
  {
    ledger: 'manyIncentives',
    rows: ['S2-field-is_subscription'],
    name: 'a purchase that is no subscription earns the general 30 %',
    run: (scene) => earns(scene, { is_subscription: false }, 29.7),
  },
  {
    ledger: 'paysForOneProductOnly',
    rows: ['S2-creates-earning-not-eligible'],
    name: 'a sale that no incentive matches is recorded and earns nothing',
    async run(scene) {
      const customer = await scene.signedUp();
      await assertConverted(scene, saleOf(customer, { product_ids: ['prod_free'] }), { ...nothingEarned, product_ids: ['prod_free'] });
    },
  },

  // --- intervals and statuses -----------------------------------------------------------------------------------------
  {
    rows: ['S2-interval-other'],
    name: 'an interval other than monthly and yearly is an error of interval',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const interval of ['weekly', 'lifetime', '', 12]) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { interval, is_subscription: true })), 400, invalid('interval'));
      }
    },
  },
  {
    rows: ['S2-rule-interval'],
    name: 'an interval for what is said to be no subscription is an error of interval',
    async run(scene) {
      const customer = await scene.signedUp();
      const body = saleOf(customer, { interval: 'monthly', is_subscription: false });
      assertAnswer(await scene.post(CONVERSIONS, body), 400, invalid('interval'));
    },
  },
  ...commissionStatusCases,
  {
    rows: ['S2-status-other'],
    name: 'another commission status is an error of status',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const status of ['approved', 'complete', '', 1]) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { status })), 400, invalid('status'));
      }
    },
  },
  {
    ledger: 'manyIncentives',
    rows: ['S2-status-omitted'],
    name: 'without a status it follows from the incentive\'s approval: automatic, hold period, manual',
    async run(scene) {
      await earns(scene, {}, 29.7, { status: 'ready_for_payment' });
      await earns(scene, { product_ids: ['prod_held'] }, 29.7, { status: 'pending', hold_period_days: 30 });
      await earns(scene, { product_ids: ['prod_reviewed'] }, 29.7, { status: 'pending_manual_approval' });
    },
  },
  ...salesStatusCases,
  {
    rows: ['S2-sales_status-other'],
    name: 'another sales status is an error of sales_status',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const sales_status of ['completed', 'paid', '', 1]) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { sales_status })), 400, invalid('sales_status'));
      }
    },
  },

  // --- when, and what else --------------------------------------------------------------------------------------------
  {
    rows: ['S2-field-created_at'],
    name: 'a conversion can be dated back',
    async run(scene) {
      const { referralId, orderId } = await scene.referred({ created_at: '2024-01-10T09:00:00Z' });
      const body = { referral_id: referralId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId, created_at: '2024-01-20T15:30:00Z' };
      await assertConverted(scene, body, { referral_id: referralId, created_at: instant('2024-01-20T15:30:00Z') });
    },
  },
  {
    rows: ['S2-field-created_at'],
    name: 'a created_at that is no ISO 8601 timestamp is an error of created_at',
    async run(scene) {
      const customer = await scene.signedUp();
      for (const created_at of ['yesterday', '20/01/2024', '2024-13-45T99:00:00Z']) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { created_at })), 400, invalid('created_at'));
      }
    },
  },
  {
    rows: ['S2-field-product_ids', 'S2-field-price_ids', 'S2-field-is_subscription', 'S2-field-metadata'],
    name: 'a field of the wrong type is an error that names the field',
    async run(scene) {
      const customer = await scene.signedUp();
      const wrong = { product_ids: 'prod_pro', price_ids: { id: 'price_gold' }, is_subscription: 'yes', metadata: 'plan' };
      for (const [field, value] of Object.entries(wrong)) {
        assertAnswer(await scene.post(CONVERSIONS, saleOf(customer, { [field]: value })), 400, invalid(field));
      }
    },
  },

  // --- the same sale again --------------------------------------------------------------------------------------------
  {
    rows: ['S2-field-external_event_id', 'S2-rule-repeat', 'S2-response-repeat-200'],
    name: 'the same external_event_id answers 200 with the existing conversion, and nothing is earned twice',
    async run(scene) {
      const customer = await scene.signedUp();
      const first = await scene.post(CONVERSIONS, saleOf(customer));
      const second = await scene.post(CONVERSIONS, saleOf(customer));

      const expected = conversion(scene.fixture, { external_event_id: customer.orderId, referral_id: customer.referralId });
      assertAnswer(first, 201, success(expected));
      assertAnswer(second, 200, success(repeated({ ...expected, id: first.json.data.id })));
      assert.deepEqual(await scene.commissionAmounts(customer.referralId), [29.7]);
    },
  },
  {
    rows: ['S2-rule-repeat', 'S2-response-repeat-200'],
    name: 'the same external_event_id with another amount answers the existing conversion and names the difference',
    async run(scene) {
      const customer = await scene.signedUp();
      const first = await scene.post(CONVERSIONS, saleOf(customer));
      const second = await scene.post(CONVERSIONS, saleOf(customer, { sale_amount: 199 }));

      const expected = conversion(scene.fixture, { external_event_id: customer.orderId, id: first.json.data.id });
      assertAnswer(second, 200, success(repeated({ ...expected, warnings: listAbout('sale_amount') })));
      assert.deepEqual(await scene.commissionAmounts(customer.referralId), [29.7]);
    },
  },
  {
    rows: ['S2-rule-repeat'],
    name: 'the same external_event_id after a restart is still the same sale',
    async run(scene) {
      const customer = await scene.signedUp();
      const first = await scene.post(CONVERSIONS, saleOf(customer));
      await scene.ledger.restart();
      const second = await scene.post(CONVERSIONS, saleOf(customer));

      assert.equal(first.status, 201);
      assertAnswer(second, 200, success(repeated(conversion(scene.fixture, { external_event_id: customer.orderId, id: first.json.data.id }))));
    },
  },
  {
    rows: ['S2-field-external_event_id'],
    name: 'two external_event_ids are two sales of one customer',
    async run(scene) {
      const customer = await scene.signedUp();
      const one = await assertConverted(scene, saleOf(customer, { external_event_id: `${customer.orderId}_1` }), {});
      const two = await assertConverted(scene, saleOf(customer, { external_event_id: `${customer.orderId}_2` }), {});

      assert.notEqual(one.id, two.id);
      assert.deepEqual(await scene.commissionAmounts(customer.referralId), [29.7, 29.7]);
    },
  },
];
