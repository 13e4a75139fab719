// Seed 000: POST /v1/signups turns a tracked click into a lead (Affonso).
import assert from 'node:assert/strict';
import { anyInteger, anyText, anyTimestamp, assertAnswer, justNow, oneOf, optional } from './exact.mjs';
import { affonsoError, invalid, mask, notFound, referral, success } from './shapes.mjs';

const SIGNUPS = '/v1/signups';

/** A key of the right form that nobody has. */
const unknownKey = (key) => key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');

export const cases = [
  {
    rows: ['S0-purpose', 'S0-flow-click', 'S0-flow-email', 'S0-field-click_id', 'S0-field-email', 'S0-code-201', 'S0-response-success', 'S0-response-data', 'S0-related-clicks'],
    name: 'a tracked click and an e-mail make a lead whose id is the click id',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      const lead = success(referral(scene.fixture, { id: click, email, created_at: justNow }));

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 201, lead);
      assertAnswer(await scene.get(`/v1/referrals/${click}`), 200, lead);
    },
  },
  {
    rows: ['S0-flow-user-id', 'S0-field-external_user_id'],
    name: 'a tracked click and an internal user id make a lead without an e-mail',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      const lead = success(referral(scene.fixture, { id: click, external_user_id: userId }));

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, external_user_id: userId }), 201, lead);
      assertAnswer(await scene.get(`/v1/referrals/${click}`), 200, lead);
    },
  },
  {
    rows: ['S0-flow-email', 'S0-flow-user-id', 'S0-field-name'],
    name: 'e-mail, user id and name can be sent together and are kept',
    async run(scene) {
      const { email, userId } = scene.newCustomer();
      const click = await scene.click();
      const lead = success(referral(scene.fixture, { id: click, email, external_user_id: userId, name: 'Jane Doe' }));

      const body = { click_id: click, email, external_user_id: userId, name: 'Jane Doe' };
      assertAnswer(await scene.post(SIGNUPS, body), 201, lead);
      await scene.assertKept(`/v1/referrals/${click}`, lead);
    },
  },
  {
    rows: ['S0-field-name'],
    name: 'a name of 255 characters is kept, a longer one is an error',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      const longest = 'n'.repeat(255);

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email, name: `${longest}n` }), 400, invalid('name'));
      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email, name: longest }), 201, success(referral(scene.fixture, { id: click, email, name: longest })));
    },
  },
  {
    rows: ['S0-repeat', 'S0-code-200'],
    name: 'the same click again answers 200 with the same referral and records nothing new',
    async run(scene) {
      const { email, userId } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, email, external_user_id: userId };

      const first = await scene.post(SIGNUPS, body);
      const second = await scene.post(SIGNUPS, body);

      assertAnswer(first, 201, success(referral(scene.fixture, { id: click, email, external_user_id: userId })));
      assertAnswer(second, 200, success(first.json.data));
      assert.deepEqual(await scene.messageTypes(click), ['referral.lead']);
    },
  },
  {
    rows: ['S0-repeat'],
    name: 'the same click with another customer answers the existing referral: the click is spoken for',
    async run(scene) {
      const { email } = scene.newCustomer();
      const somebodyElse = scene.newCustomer();
      const click = await scene.click();

      const first = await scene.post(SIGNUPS, { click_id: click, email });
      const second = await scene.post(SIGNUPS, { click_id: click, email: somebodyElse.email });

      assertAnswer(first, 201, success(referral(scene.fixture, { id: click, email })));
      assertAnswer(second, 200, success(first.json.data));
    },
  },
  {
    rows: ['S0-webhook-referral.lead', 'S0-webhook-transaction.created-none'],
    name: 'without a lead incentive a lead causes referral.lead and no transaction.created',
    async run(scene) {
      const { referralId } = await scene.signedUp();

      const [message, ...more] = await scene.messages(referralId);
      assert.equal(message.type, 'referral.lead');
      assert.equal(message.data.referralId, referralId);
      assert.equal(message.data.status, 'LEAD');
      assert.deepEqual(more, []);
      assert.deepEqual(await scene.commissionAmounts(referralId), []);
    },
  },
  {
    rows: ['S0-code-400-no-click_id', 'S0-response-success-false'],
    name: 'a sign-up without a click id is an error of click_id',
    async run(scene) {
      const { email } = scene.newCustomer();
      assertAnswer(await scene.post(SIGNUPS, { email }), 400, invalid('click_id'));
    },
  },
  {
    rows: ['S0-code-400-no-identifier', 'S0-field-email', 'S0-field-external_user_id'],
    name: 'a sign-up with neither e-mail nor user id is an error, and the click can still become a lead',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();

      // Two fields are missing; the documents do not say which of them the error names, if any.
      const eitherField = optional(oneOf('email', 'external_user_id'));
      assertAnswer(await scene.post(SIGNUPS, { click_id: click }), 400, invalid(eitherField));
      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 201, success(referral(scene.fixture, { id: click, email })));
    },
  },
  {
    rows: ['S0-code-400-bad-email'],
    name: 'a sign-up with a malformed e-mail is an error of email, even beside a user id',
    async run(scene) {
      const { userId } = scene.newCustomer();
      const click = await scene.click();
      for (const email of ['jane', 'jane@', '@example.com', 'jane doe@example.com']) {
        assertAnswer(await scene.post(SIGNUPS, { click_id: click, email, external_user_id: userId }), 400, invalid('email'));
      }
    },
  },
  {
    rows: ['S0-code-401-missing', 'S0-response-success-false'],
    name: 'a sign-up without an API key is refused',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }, null), 401, affonsoError('MISSING_API_KEY'));
    },
  },
  {
    rows: ['S0-code-401-invalid'],
    name: 'a sign-up with a malformed or an unknown API key is refused',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      const body = { click_id: click, email };

      assertAnswer(await scene.post(SIGNUPS, body, 'not-a-key'), 401, affonsoError('INVALID_API_KEY_FORMAT'));
      assertAnswer(await scene.post(SIGNUPS, body, unknownKey(scene.fixture.keys.live)), 401, affonsoError('INVALID_API_KEY'));
    },
  },
  {
    rows: ['S0-code-429'],
    name: 'a key that signs up too often is refused for the rest of the minute, and another key of the team is not',
    ledger: 'limited',
    async run(scene) {
      const body = { click_id: 'ref_doesnotexist', email: scene.newCustomer().email };
      const tooMany = { success: false, error: { code: 'RATE_LIMIT_EXCEEDED', message: anyText, retryAfter: anyInteger } };

      // Six in a minute; a minute may end on the way, once or twice.
      const answers = [];
      while (answers.at(-1)?.status !== 429 && answers.length <= 18) answers.push(await scene.post(SIGNUPS, body));

      for (const answer of answers.slice(0, -1)) assertAnswer(answer, 404, notFound);
      assertAnswer(answers.at(-1), 429, tooMany);
      assert.ok(answers.length > 6, `refused after ${answers.length}`);
      assert.equal(Number(answers.at(-1).headers.get('retry-after')), answers.at(-1).json.error.retryAfter);
      assertAnswer(await scene.post(SIGNUPS, body, scene.fixture.keys.test), 404, notFound);
    },
  },
  {
    rows: ['S0-code-404-unknown', 'S0-response-success-false'],
    name: 'a sign-up with a click id that does not exist is not found',
    async run(scene) {
      const { email } = scene.newCustomer();
      assertAnswer(await scene.post(SIGNUPS, { click_id: 'ref_doesnotexist', email }), 404, notFound);
    },
  },
  {
    rows: ['S0-code-404-other-team', 'S0-field-click_id-own-team'],
    name: 'a sign-up with another team\'s click is not found, and that team can still use it',
    async run(scene) {
      const { email } = scene.newCustomer();
      const { keys, program, affiliate } = scene.fixture.other;
      const click = await scene.clickOfOtherTeam();

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 404, notFound);
      const theirs = referral({ program, affiliate }, { id: click, email });
      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }, keys.live), 201, success(theirs));
    },
  },
  {
    rows: ['S0-related-referrals'],
    name: 'a referral can be recorded without the click stage',
    async run(scene) {
      const { email } = scene.newCustomer();
      const body = { affiliate_id: scene.fixture.affiliate.id, email };
      assertAnswer(await scene.post('/v1/referrals', body), 201, success(referral(scene.fixture, { email, external_user_id: optional(null) })));
    },
  },
  {
    ledger: 'maskedEmail',
    rows: ['S0-field-email'],
    name: 'where a program masks e-mails, a lead shows the mask only',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();
      const lead = success(referral(scene.fixture, { id: click, email: null, email_masked: mask(email) }));

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 201, lead);
      assertAnswer(await scene.get(`/v1/referrals/${click}`), 200, lead);
    },
  },
  {
    ledger: 'untracked',
    rows: ['S0-field-email-ignored', 'S0-field-name-ignored'],
    name: 'where e-mail and name tracking are disabled, both are dropped without an error',
    async run(scene) {
      const { email, userId } = scene.newCustomer();
      const click = await scene.click();
      const lead = success(referral(scene.fixture, { id: click, external_user_id: userId }));

      const body = { click_id: click, email, external_user_id: userId, name: 'Jane Doe' };
      assertAnswer(await scene.post(SIGNUPS, body), 201, lead);
      assertAnswer(await scene.get(`/v1/referrals/${click}`), 200, lead);
    },
  },
  {
    ledger: 'untracked',
    rows: ['S0-field-email-ignored'],
    name: 'where e-mail tracking is disabled, an e-mail does not make two users the same customer',
    async run(scene) {
      const { email, userId } = scene.newCustomer();
      const another = scene.newCustomer();
      const clicks = [await scene.click(), await scene.click()];

      assert.equal((await scene.post(SIGNUPS, { click_id: clicks[0], email, external_user_id: userId })).status, 201);
      const second = await scene.post(SIGNUPS, { click_id: clicks[1], email, external_user_id: another.userId });
      assertAnswer(second, 201, success(referral(scene.fixture, { id: clicks[1], external_user_id: another.userId })));
    },
  },
  {
    ledger: 'paysPerLead',
    rows: ['S0-lead-incentive', 'S0-lead-incentive-webhooks', 'S0-webhook-transaction.created-group'],
    name: 'with a lead incentive a sign-up earns it once and causes both messages once, also when repeated',
    async run(scene) {
      const { email } = scene.newCustomer();
      const click = await scene.click();

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 201, success(referral(scene.fixture, { id: click, email })));
      assert.equal((await scene.post(SIGNUPS, { click_id: click, email })).status, 200);

      assert.deepEqual((await scene.messageTypes(click)).sort(), ['referral.lead', 'transaction.created']);
      assert.deepEqual(await scene.commissionAmounts(click), [5]);
      const created = (await scene.messages(click)).find((message) => message.type === 'transaction.created');
      assert.equal(created.data.referralId, click);
    },
  },
  {
    ledger: 'overridesLeadPay',
    rows: ['S0-webhook-transaction.created-override', 'S0-lead-incentive'],
    name: 'an affiliate\'s own lead incentive beats the group\'s',
    async run(scene) {
      const { referralId } = await scene.signedUp();

      assert.deepEqual((await scene.messageTypes(referralId)).sort(), ['referral.lead', 'transaction.created']);
      assert.deepEqual(await scene.commissionAmounts(referralId), [7]);
    },
  },
  {
    ledger: 'blocksSelfReferral',
    rows: ['S0-blocked-rejected', 'S0-blocked-no-lead-webhook', 'S0-blocked-201', 'S0-webhook-transaction.created-blocked'],
    name: 'a blocked sign-up answers 201 with a rejected referral, tells nobody of a lead and pays nothing',
    async run(scene) {
      const { email } = scene.fixture.affiliate;
      const click = await scene.click();
      // Whether a rejection counts as the moment of conversion is not said for sign-ups.
      const fraud = { rules: ['self_referral'], blocked_by: 'self_referral', cleared: false };
      const rejected = success(referral(scene.fixture, { id: click, email, status: 'rejected', converted_at: oneOf(null, anyTimestamp), fraud }));

      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 201, rejected);
      assertAnswer(await scene.post(SIGNUPS, { click_id: click, email }), 200, rejected);

      const types = await scene.messageTypes(click);
      assert.ok(!types.includes('referral.lead'), 'no referral.lead');
      assert.ok(!types.includes('transaction.created'), 'no transaction.created');
      assert.deepEqual(await scene.commissionAmounts(click), []);
    },
  },
  {
    ledger: 'blocksSelfReferral',
    rows: ['S0-webhook-referral.lead'],
    name: 'where self-referrals are blocked, everybody else still becomes a lead',
    async run(scene) {
      const { referralId } = await scene.signedUp();
      assert.ok((await scene.messageTypes(referralId)).includes('referral.lead'));
    },
  },
];
