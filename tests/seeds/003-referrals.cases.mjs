// Seed 003: POST /v1/referrals records a referral directly (Affonso).
import assert from 'node:assert/strict';
import { anyId, anyTimestamp, assertAnswer, instant, justNow, oneOf, optional } from './exact.mjs';
import { affonsoError, invalid, notFound, referral, success } from './shapes.mjs';

const REFERRALS = '/v1/referrals';

/** Affonso's referral object as this endpoint answers it; the user id of sign-ups may be shown and is empty. */
const recorded = (scene, fields) => success(referral(scene.fixture, { external_user_id: optional(null), ...fields }));

const bodyOf = (scene, more = {}) => ({ affiliate_id: scene.fixture.affiliate.id, email: scene.newCustomer().email, ...more });

/** Posts a referral, and reads it back by its id. */
async function assertRecorded(scene, body, fields = {}) {
  const expected = recorded(scene, { email: body.email, ...fields });
  const answer = await scene.post(REFERRALS, body);
  assertAnswer(answer, 201, expected);
  assertAnswer(await scene.get(`${REFERRALS}/${answer.json.data.id}`), 200, expected);
  return answer.json.data;
}

const duplicate = (field) => affonsoError('DUPLICATE_ERROR', field);

const statusCases = ['lead', 'trialing', 'customer', 'active', 'canceled', 'rejected'].map((status) => ({
  rows: [`S3-status-${status}`, 'S3-status-sets-converted_at', 'S3-response-status', 'S3-response-converted_at'],
  name: status === 'lead' ? 'a referral recorded as lead is not converted' : `a referral recorded as ${status} is converted now`,
  run: (scene) => assertRecorded(scene, bodyOf(scene, { status }), { status, converted_at: status === 'lead' ? null : justNow }),
}));

export const cases = [
  {
    rows: [
      'S3-example-request', 'S3-example-response', 'S3-response-created', 'S3-response-success', 'S3-response-id', 'S3-response-affiliate_id', 'S3-response-program_id', 'S3-response-email',
      'S3-response-customer_id', 'S3-response-subscription_id', 'S3-response-status', 'S3-response-name', 'S3-response-metadata', 'S3-response-created_at', 'S3-response-converted_at',
    ],
    name: 'the example is answered as printed',
    async run(scene) {
      const answer = await scene.post(REFERRALS, {
        affiliate_id: scene.fixture.affiliate.id,
        email: 'newcustomer@example.com',
        customer_id: 'cust_456',
        status: 'customer',
        name: 'John Doe',
        metadata: { plan: 'enterprise', source: 'webinar' },
      });

      assertAnswer(answer, 201, {
        success: true,
        data: {
          id: anyId('ref_'),
          affiliate_id: scene.fixture.affiliate.id,
          program_id: scene.fixture.program.id,
          email: 'newcustomer@example.com',
          customer_id: 'cust_456',
          subscription_id: null,
          status: 'customer',
          name: 'John Doe',
          metadata: { plan: 'enterprise', source: 'webinar' },
          created_at: anyTimestamp,
          converted_at: anyTimestamp,
          // Beyond the example:
          email_masked: 'n***@example.com',
          external_user_id: optional(null),
          fraud: optional(null),
        },
      });
    },
  },
  {
    rows: [
      'S3-field-affiliate_id', 'S3-field-email', 'S3-field-customer_id', 'S3-field-subscription_id', 'S3-field-created_at', 'S3-field-name', 'S3-field-metadata',
      'S3-response-subscription_id',
    ],
    name: 'every field of the body can be read back, also by a runtime that has just started',
    async run(scene) {
      const { email, customerId, subscriptionId } = scene.newCustomer();
      const sent = { affiliate_id: scene.fixture.affiliate.id, email, customer_id: customerId, subscription_id: subscriptionId, status: 'active', name: 'Jane Doe', metadata: { plan: 'pro' } };
      const read = { ...sent, created_at: instant('2024-01-20T15:30:00Z'), converted_at: anyTimestamp };

      const { id } = await assertRecorded(scene, { ...sent, created_at: '2024-01-20T15:30:00Z' }, read);
      await scene.assertKept(`${REFERRALS}/${id}`, recorded(scene, { id, ...read }));
    },
  },

  // --- affiliate --------------------------------------------------------------------------------------------------------
  {
    rows: ['S3-field-affiliate_id-required'],
    name: 'a referral without an affiliate is an error of affiliate_id',
    async run(scene) {
      const { email } = scene.newCustomer();
      assertAnswer(await scene.post(REFERRALS, { email }), 400, invalid('affiliate_id'));
    },
  },
  {
    rows: ['S3-field-affiliate_id-own-team', 'S3-field-affiliate_id'],
    name: 'an affiliate of another team is not found, nor is one that does not exist',
    async run(scene) {
      for (const affiliate_id of [scene.fixture.other.affiliate.id, 'aff_doesnotexist']) {
        assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { affiliate_id })), 404, notFound);
      }
    },
  },

  // --- e-mail ------------------------------------------------------------------------------------------------------------
  {
    rows: ['S3-field-email-required'],
    name: 'a referral without an e-mail is an error of email',
    async run(scene) {
      const { customerId } = scene.newCustomer();
      const body = { affiliate_id: scene.fixture.affiliate.id, customer_id: customerId };
      assertAnswer(await scene.post(REFERRALS, body), 400, invalid('email'));
    },
  },
  {
    rows: ['S3-field-email-format'],
    name: 'a malformed e-mail is an error of email',
    async run(scene) {
      for (const email of ['jane', 'jane@', '@example.com', 'jane doe@example.com', '']) {
        assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { email })), 400, invalid('email'));
      }
    },
  },
  {
    rows: ['S3-field-email-duplicate'],
    name: 'an e-mail that is already referred in the program is a conflict, however it is written',
    async run(scene) {
      const body = bodyOf(scene);
      const { id } = await assertRecorded(scene, body);

      assertAnswer(await scene.post(REFERRALS, body), 409, duplicate('email'));
      assertAnswer(await scene.post(REFERRALS, { ...body, email: body.email.toUpperCase() }), 409, duplicate('email'));
      assertAnswer(await scene.get(`${REFERRALS}/${id}`), 200, recorded(scene, { id, email: body.email }));
    },
  },
  {
    rows: ['S3-field-email-duplicate'],
    name: 'an e-mail that signed up through a click is a conflict too',
    async run(scene) {
      const { email } = await scene.signedUp();
      assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { email })), 409, duplicate('email'));
    },
  },
  {
    rows: ['S3-field-email-duplicate-per-program'],
    name: 'the same e-mail in another team\'s program is no conflict',
    async run(scene) {
      const { keys, program, affiliate } = scene.fixture.other;
      const body = bodyOf(scene);
      await assertRecorded(scene, body);

      const theirs = await scene.post(REFERRALS, { ...body, affiliate_id: affiliate.id }, keys.live);
      assertAnswer(theirs, 201, success(referral({ program, affiliate }, { email: body.email, external_user_id: optional(null) })));
    },
  },

  // --- click --------------------------------------------------------------------------------------------------------------
  {
    rows: ['S3-field-click_id', 'S3-field-click_id-status'],
    name: 'a click becomes the referral, with its id and the status that was asked for',
    async run(scene) {
      const click = await scene.click();
      await assertRecorded(scene, bodyOf(scene, { click_id: click, status: 'customer' }), { id: click, status: 'customer', converted_at: justNow });
    },
  },
  {
    rows: ['S3-field-click_id', 'S3-status-default'],
    name: 'a click becomes a lead if no status is sent',
    async run(scene) {
      const click = await scene.click();
      await assertRecorded(scene, bodyOf(scene, { click_id: click }), { id: click });
    },
  },
  {
    rows: ['S3-field-click_id-own-team'],
    name: 'a click of another team is not found, nor is one that does not exist',
    async run(scene) {
      for (const click_id of [await scene.clickOfOtherTeam(), 'ref_doesnotexist']) {
        assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { click_id })), 404, notFound);
      }
    },
  },
  {
    rows: ['S3-field-click_id-still-click'],
    name: 'a click that has become a referral cannot become another one',
    async run(scene) {
      const { referralId, email, userId } = await scene.signedUp();
      const answer = await scene.post(REFERRALS, bodyOf(scene, { click_id: referralId }));

      // The document demands status CLICK and names no code: a conflict, or a field that is not valid.
      assertAnswer(answer, oneOf(409, 400), answer.status === 409 ? duplicate('click_id') : invalid('click_id'));
      assertAnswer(await scene.get(`${REFERRALS}/${referralId}`), 200, success(referral(scene.fixture, { id: referralId, email, external_user_id: userId })));
    },
  },

  // --- status --------------------------------------------------------------------------------------------------------------
  ...statusCases,
  {
    rows: ['S3-status-default'],
    name: 'without a status the referral is a lead',
    run: (scene) => assertRecorded(scene, bodyOf(scene), { status: 'lead', converted_at: null }),
  },
  {
    rows: ['S3-status-other'],
    name: 'another status is an error of status; a click is none that can be recorded',
    async run(scene) {
      for (const status of ['click', 'paying', '', 1]) {
        assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { status })), 400, invalid('status'));
      }
    },
  },

  // --- time ---------------------------------------------------------------------------------------------------------------
  {
    rows: ['S3-field-created_at', 'S3-response-created_at'],
    name: 'a referral can be dated back, whatever time zone that is written in',
    async run(scene) {
      await assertRecorded(scene, bodyOf(scene, { created_at: '2024-01-20T15:30:00Z' }), { created_at: instant('2024-01-20T15:30:00Z') });
      await assertRecorded(scene, bodyOf(scene, { created_at: '2024-01-20T17:30:00+02:00' }), { created_at: instant('2024-01-20T15:30:00Z') });
    },
  },
  {
    rows: ['S3-field-created_at-default'],
    name: 'without created_at the referral is of now',
    run: (scene) => assertRecorded(scene, bodyOf(scene), { created_at: justNow }),
  },
  {
    rows: ['S3-field-created_at-format'],
    name: 'a created_at that is no ISO 8601 timestamp is an error of created_at',
    async run(scene) {
      for (const created_at of ['yesterday', '20/01/2024', '2024-13-45T99:00:00Z']) {
        assertAnswer(await scene.post(REFERRALS, bodyOf(scene, { created_at })), 400, invalid('created_at'));
      }
    },
  },

  // --- identifiers and the rest ---------------------------------------------------------------------------------------------
  {
    rows: ['S3-field-customer_id', 'S3-response-customer_id'],
    name: 'the customer id links later sales to the referral',
    async run(scene) {
      const { customerId, orderId } = scene.newCustomer();
      const { id } = await assertRecorded(scene, bodyOf(scene, { customer_id: customerId }), { customer_id: customerId });

      const sale = await scene.post('/v1/conversions', { customer_id: customerId, sale_amount: 99, sale_amount_currency: 'USD', external_event_id: orderId });
      assert.equal(sale.status, 201, JSON.stringify(sale.json));
      assert.equal(sale.json.data.referral_id, id);
    },
  },
  {
    rows: ['S3-field-metadata', 'S3-field-metadata-any-json', 'S3-response-metadata'],
    name: 'metadata of any JSON comes back as it was sent',
    async run(scene) {
      const metadata = { text: 'Grüße, 世界 "quoted"', number: 12.5, yes: true, nothing: null, list: [1, 'two', { three: 3 }], nested: { deep: { deeper: [] } } };
      await assertRecorded(scene, bodyOf(scene, { metadata }), { metadata });
    },
  },
  {
    rows: ['S3-field-name', 'S3-response-name'],
    name: 'the name comes back as it was sent',
    run: (scene) => assertRecorded(scene, bodyOf(scene, { name: 'José Ñandú' }), { name: 'José Ñandú' }),
  },
];
