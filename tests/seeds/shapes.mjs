// The documented objects, written once. A case names only the fields it is about; all others get the value that the
// documents give them when nothing was sent.
import { anyArray, anyBoolean, anyObject, anything, anyReference, anyText, anyTimestamp, oneOf, optional, textLike } from './exact.mjs';

/** One letter, three stars, the domain. */
export const mask = (email) => `${email[0]}***${email.slice(email.indexOf('@'))}`;

/** Seed 003's referral object with our additional fields, `email_masked`, `external_user_id` and `fraud`. */
export function referral(fixture, fields) {
  const email = fields.email ?? null;
  return {
    id: anyText,
    affiliate_id: fixture.affiliate.id,
    program_id: fixture.program.id,
    email,
    email_masked: typeof email === 'string' ? mask(email) : null,
    external_user_id: null,
    customer_id: null,
    subscription_id: null,
    status: 'lead',
    name: null,
    metadata: null,
    fraud: null,
    created_at: anyTimestamp,
    converted_at: null,
    ...fields,
  };
}

/** A sale of 99.00 USD at 30 %, approved at once: 29.70 is earned. */
export function conversion(fixture, fields) {
  return {
    id: anyText,
    referral_id: anyText,
    affiliate_id: fixture.affiliate.id,
    program_id: fixture.program.id,
    sale_amount: 99,
    sale_amount_currency: 'USD',
    converted_sale_amount: (fields.sale_amount_currency ?? 'USD') === 'USD' ? (fields.sale_amount ?? 99) : null,
    exchange_rate: null,
    exchange_rate_date: null,
    levels: [],
    commission_amount: 29.7,
    commission_currency: 'USD',
    status: 'ready_for_payment',
    sales_status: 'complete',
    hold_period_days: oneOf(0, null),
    payment_intent_id: null,
    invoice_id: null,
    earning_id: anyText,
    earning_type: 'direct_commission',
    created_at: anyTimestamp,
    updated_at: anyTimestamp,
    external_event_id: anyText,
    source_event_id: null,
    calculation_mode: 'auto',
    matched_incentive_id: anyText,
    ...sentWithConversion,
    ...reasoning,
    ...fields,
  };
}

// The other body fields. An identifier that was not sent may show what is known of the referral, or null.
const knownOrNull = oneOf(null, anyText);
const sentWithConversion = {
  customer_id: knownOrNull,
  external_user_id: knownOrNull,
  click_id: knownOrNull,
  product_ids: oneOf([], null),
  price_ids: oneOf([], null),
  interval: null,
  is_subscription: oneOf(false, null),
  metadata: oneOf(null, {}),
};

const reasoning = {
  attributed: true,
  reason: oneOf(null, anyText),
  replayed: optional(anyBoolean),
  decision: anyObject,
};

/** The same conversion, answered to a repeat of the call. */
export const repeated = (expected) => ({ ...expected, replayed: true });

/** What a conversion is without a matching incentive: recorded, but nothing earned. */
export const nothingEarned = {
  commission_amount: null,
  commission_currency: oneOf(null, 'USD'),
  earning_id: null,
  earning_type: null,
  matched_incentive_id: null,
  hold_period_days: oneOf(0, null),
  status: anything,
  reason: anyText,
};

/** Affonso's envelope; the answer to a sign-up also says why it came out so. */
export const success = (data) => ({ success: true, data, decision: optional(anyObject) });

/** Affonso's error envelope. The message is for people; code and field are for programs and are compared exactly. */
export function affonsoError(code, field) {
  const error = { code, message: anyText, details: optional(anyArray) };
  return { success: false, error: field === undefined ? error : { ...error, field } };
}

export const invalid = (field) => affonsoError('VALIDATION_ERROR', field);

/** Something is not there. Whether the answer also says which field named it is left open. */
export const notFound = affonsoError('NOT_FOUND', optional(anyText));

export const affitorError = (text) => ({ error: text });
export const bothMissing = affitorError('click_id or customer_key is required');
export const customerNotFound = affitorError('Customer not found. Provide a valid click_id or customer_key.');
export const foreignCustomer = affitorError('Customer does not belong to this program');
export const noTransitionToLead = affitorError(textLike(/^Customer status cannot be updated to lead\. Current status: \w+$/));
export const saleCustomerNotFound = affitorError('Customer not found. Provide customer_key or click_id.');

export const leadTracked = { success: true, message: 'Lead tracked successfully' };

export const saleTracked = {
  success: true,
  sale_id: anyReference,
  commission_id: anyReference,
  message: 'Sale tracked successfully',
  attributed: optional(true),
};

export const testLeadTracked = (eventId, programId) => ({
  success: true,
  message: 'Test lead event tracked successfully',
  data: { eventId, programId, test_mode: true },
});

/** A lead of Affitor's dialect, read through Affonso's API: never the address itself, only its mask. */
export const affitorLead = (fixture, { click, customerKey = null, email }) =>
  referral(fixture, {
    id: click,
    external_user_id: customerKey,
    email: null,
    email_masked: email === undefined ? null : mask(email),
    metadata: anything,
  });
