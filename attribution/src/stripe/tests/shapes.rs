//! What events of both shapes of the API come to. Amounts by hand.

use serde_json::{Value, json};

use crate::email::EmailAddress;
use crate::referral::{Identity, IdentityKind};
use crate::status::Interval;
use crate::stripe::{Body, DisputeTurn, Event, Fact, Sale, SubscriptionTurn};

fn event(kind: &str, object: &Value) -> Event {
    let event = json!({
        "id": "evt_1", "object": "event", "type": kind, "created": 1_767_225_600, "livemode": true,
        "data": { "object": object },
    });
    Event::read(event.to_string().as_bytes()).unwrap()
}

fn facts(kind: &str, object: &Value) -> Vec<Fact> {
    event(kind, object).facts
}

fn sale(kind: &str, object: &Value) -> (Fact, Sale) {
    let facts = facts(kind, object);
    let [fact] = facts.as_slice() else { panic!("not one fact: {facts:?}") };
    match &fact.body {
        Body::Sale(sale) => (fact.clone(), sale.clone()),
        other => panic!("no sale: {other:?}"),
    }
}

fn older_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "customer": "cus_1", "customer_email": "Jane@Example.com",
        "charge": "ch_1", "payment_intent": "pi_1", "subscription": "sub_1", "billing_reason": "subscription_create",
        "subscription_details": { "metadata": { "affitor_click_id": "0112x", "affitor_customer_key": "user_1" } },
        "currency": "usd", "amount_paid": 11_900, "total": 11_900, "tax": 1_900,
        "status_transitions": { "paid_at": 1_767_225_000 },
        "lines": { "data": [
            { "price": { "id": "price_1", "product": "prod_1", "recurring": { "interval": "year", "interval_count": 1 } } },
        ] },
    })
}

fn newer_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "customer": { "id": "cus_1", "object": "customer" },
        "customer_email": "jane@example.com", "billing_reason": "subscription_create",
        "parent": { "type": "subscription_details", "subscription_details": {
            "metadata": { "affitor_click_id": "0112x", "affitor_customer_key": "user_1" }, "subscription": "sub_1" } },
        "payments": { "data": [{ "payment": { "type": "payment_intent", "payment_intent": "pi_1" } }] },
        "currency": "usd", "amount_paid": 11_900, "total": 11_900, "total_excluding_tax": 10_000,
        "total_taxes": [{ "amount": 1_900 }], "status_transitions": { "paid_at": 1_767_225_000 },
        "lines": { "data": [{
            "period": { "start": 1_767_225_600, "end": 1_798_761_600 },
            "pricing": { "price_details": { "price": "price_1", "product": "prod_1" }, "type": "price_details" },
        }] },
    })
}

#[test]
fn both_shapes_of_an_invoice_are_the_same_sale() {
    let (older, sold) = sale("invoice.paid", &older_invoice());
    let (newer, sold_too) = sale("invoice.payment_succeeded", &newer_invoice());
    assert_eq!(older.sale_keys, ["in_1", "pi_1", "ch_1"]);
    assert_eq!(newer.sale_keys, ["in_1", "pi_1"]);
    assert_eq!((sold.amount.minor, sold.paid_minor, sold.amount.currency.code()), (10_000, 11_900, "USD"));
    assert_eq!((sold.amount, sold.paid_minor, sold.paid_at), (sold_too.amount, sold_too.paid_minor, sold_too.paid_at));
    assert_eq!(sold.purchase, sold_too.purchase);
    assert_eq!(sold.purchase.interval, Some(Interval::Yearly));
    assert_eq!((sold.purchase.product_ids, sold.purchase.price_ids), (vec!["prod_1".into()], vec!["price_1".into()]));
    assert!(sold.purchase.is_subscription);
    assert_eq!(older.names, newer.names);
    let provider = |value: &str| Identity { kind: IdentityKind::ProviderCustomerId, value: value.to_owned() };
    assert_eq!(
        older.names.identities(),
        [
            Identity::external_user_id("user_1"),
            provider("cus_1"),
            Identity::customer_id("cus_1"),
            Identity::subscription_id("sub_1"),
        ]
    );
    assert_eq!(older.names.email.as_ref().map(EmailAddress::as_str), Some("jane@example.com"));
}

#[test]
fn the_address_is_no_part_of_what_is_stored() {
    let (fact, _) = sale("invoice.paid", &json!({ "customer_name": "Jane Doe" }).merged(older_invoice()));
    let stored = serde_json::to_string(&fact).unwrap();
    assert!(!stored.to_lowercase().contains("jane"), "{stored}");
    let read: Fact = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.sale_keys, fact.sale_keys);
}

trait Merged {
    fn merged(self, onto: Value) -> Value;
}

impl Merged for Value {
    fn merged(self, mut onto: Value) -> Value {
        let (more, fields) = (self.as_object().unwrap().clone(), onto.as_object_mut().unwrap());
        fields.extend(more);
        onto
    }
}

#[test]
fn amounts_are_stripes_integers_in_the_currencys_own_minor_units() {
    // Currency, Stripe's integer, minor units by ISO 4217.
    let cases = [
        ("usd", 1_999, 1_999),
        ("jpy", 500, 500),
        ("krw", 500, 500),
        ("kwd", 12_340, 12_340),
        ("bhd", 5_120, 5_120),
        // Two digits that are always zeros.
        ("isk", 50_000, 500),
        ("ugx", 50_000, 500),
        // Whole ariary; ISO 4217 has two digits.
        ("mga", 500, 50_000),
        ("huf", 10_000, 10_000),
    ];
    for (currency, given, minor) in cases {
        let paid =
            json!({ "currency": currency, "amount_paid": given, "total": given, "tax": 0 }).merged(older_invoice());
        let (_, sold) = sale("invoice.paid", &paid);
        assert_eq!((sold.amount.minor, sold.amount.currency.code().to_lowercase()), (minor, currency.to_owned()));
    }
}

#[test]
fn what_is_no_amount_is_no_sale() {
    for fields in [
        json!({ "amount_paid": 0 }),
        json!({ "amount_paid": -5 }),
        json!({ "amount_paid": "119.00" }),
        json!({ "amount_paid": 119.5 }),
        json!({ "amount_paid": 9_007_199_254_740_993_i64, "total": 9_007_199_254_740_993_i64, "tax": 0 }),
        json!({ "currency": "xxx" }),
        json!({ "currency": null }),
    ] {
        let facts = facts("invoice.paid", &fields.merged(older_invoice()));
        assert!(facts.iter().all(|fact| fact.body == Body::Customer), "{facts:?}");
    }
}

#[test]
fn a_checkout_that_makes_an_invoice_only_says_who_the_customer_is() {
    let session = json!({
        "id": "cs_1", "mode": "subscription", "payment_status": "paid", "amount_total": 11_900, "currency": "usd",
        "customer": "cus_1", "subscription": "sub_1", "invoice": "in_1", "client_reference_id": "user_9",
        "metadata": { "affonso_referral": "0112x", "program_id": 7 },
    });
    let facts = facts("checkout.session.completed", &session);
    let bodies: Vec<&Body> = facts.iter().map(|fact| &fact.body).collect();
    assert_eq!(bodies, [&Body::Customer, &Body::SameSale]);
    assert_eq!(facts[0].names.clicks, ["0112x"]);
    assert_eq!(facts[0].names.reference.as_deref(), Some("user_9"));
    assert_eq!(facts[1].sale_keys, ["in_1", "cs_1"]);
}

#[test]
fn any_other_checkout_is_the_sale_once_it_is_paid() {
    let session = |status: &str| {
        json!({
            "id": "cs_1", "mode": "payment", "payment_status": status, "amount_total": 5_950, "currency": "eur",
            "payment_intent": "pi_1", "invoice": null, "total_details": { "amount_tax": 950 }, "metadata": {},
        })
    };
    assert_eq!(facts("checkout.session.completed", &session("unpaid")), []);
    let (fact, sold) = sale("checkout.session.async_payment_succeeded", &session("paid"));
    assert_eq!(fact.sale_keys, ["pi_1", "cs_1"]);
    assert_eq!((sold.amount.minor, sold.paid_minor), (5_000, 5_950));
    let free = json!({ "amount_total": 0, "payment_status": "no_payment_required" }).merged(session("paid"));
    assert_eq!(facts("checkout.session.completed", &free)[0].body, Body::Customer);
}

#[test]
fn a_charge_tells_a_running_total_and_every_id_of_its_sale() {
    let newer = json!({ "id": "ch_1", "payment_intent": "pi_1", "amount": 11_900, "amount_refunded": 5_950 });
    let facts = facts("charge.refunded", &json!({ "invoice": "in_1" }).merged(newer.clone()));
    assert_eq!(facts[0].body, Body::SameSale);
    assert_eq!(facts[0].sale_keys, ["in_1", "pi_1", "ch_1"]);
    let Body::PaidBack(back) = &facts[1].body else { panic!("{facts:?}") };
    assert_eq!((back.minor, back.of_minor, facts[1].object.as_str()), (5_950, 11_900, "ch_1"));
    let [same, back] = self::facts("charge.refunded", &newer).try_into().unwrap();
    assert_eq!((same.sale_keys, back.sale_keys.len()), (vec!["pi_1".to_owned(), "ch_1".to_owned()], 2));
}

#[test]
fn a_dispute_is_open_or_decided_and_an_inquiry_is_none() {
    let dispute = |status: &str| json!({ "id": "dp_1", "charge": "ch_1", "payment_intent": { "id": "pi_1" }, "amount": 500, "currency": "usd", "status": status });
    let turn = |status: &str| {
        facts("charge.dispute.closed", &dispute(status)).into_iter().find_map(|fact| match fact.body {
            Body::Dispute(dispute) => Some(dispute.turn),
            _ => None,
        })
    };
    let words =
        ["needs_response", "under_review", "won", "lost", "warning_needs_response", "warning_closed", "new_word"];
    let expected = [
        Some(DisputeTurn::Open),
        Some(DisputeTurn::Open),
        Some(DisputeTurn::Won),
        Some(DisputeTurn::Lost),
        None,
        None,
        None,
    ];
    assert_eq!(words.map(turn), expected);
}

#[test]
fn a_subscription_stands_as_its_status_says_and_a_deleted_one_has_ended() {
    let turn = |kind: &str, status: &str| {
        let subscription = json!({ "id": "sub_1", "customer": "cus_1", "status": status, "metadata": {} });
        facts(kind, &subscription).into_iter().find_map(|fact| match fact.body {
            Body::Subscription(subscription) => Some(subscription.turn),
            _ => None,
        })
    };
    let updated = |status| turn("customer.subscription.updated", status);
    assert_eq!(updated("trialing"), Some(SubscriptionTurn::Trialing));
    assert_eq!(updated("past_due"), Some(SubscriptionTurn::Active));
    assert_eq!(updated("unpaid"), Some(SubscriptionTurn::Canceled));
    assert_eq!(updated("incomplete"), None);
    assert_eq!(turn("customer.subscription.deleted", "active"), Some(SubscriptionTurn::Canceled));
}

#[test]
fn an_event_of_another_type_is_read_and_left() {
    let other = event("customer.created", &json!({ "id": "cus_1" }));
    assert!(!other.is_handled && other.facts.is_empty());
    for body in ["", "[]", "null", "{}", r#"{"id":"evt_1","type":"invoice.paid"}"#, r#"{"id":1,"type":2}"#] {
        assert!(Event::read(body.as_bytes()).is_err(), "{body}");
    }
}
