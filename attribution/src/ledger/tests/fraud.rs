//! Fraud rules in the ledger: what a block withholds, what a release makes good, once, and what stays on record.

use serde_json::{Value, json};

use super::rejection::to;
use super::{World, email_hash, signed_up};
use crate::decision::{Reason, Verdict};
use crate::fixtures::{
    affiliate, bob, bobs_click, by_click, by_user, click, email, only_email, only_key, per_lead, sale, sale_to, sign_up,
};
use crate::fraud::{FraudRules, Suspicion};
use crate::incentive::Approval;
use crate::ledger::{FirstSeen, RecordSale, SignUp};
use crate::memory::Fault;
use crate::program::Affiliate;
use crate::referral::{Click, Identity, Referral};
use crate::status::{CommissionStatus, EmailPolicy, FraudMode, FraudRule, ReferralStatus};
use crate::time::Timestamp;

/// A world with these rules, in which every sign-up earns 5.00.
fn guarded(change: impl FnOnce(&mut FraudRules)) -> World {
    World::with(|program| {
        program.incentives.push(per_lead(500, Approval::Automatic));
        change(&mut program.fraud);
    })
}

fn visit(facts: Value) -> Click {
    Click { facts, ..click() }
}

/// The rules of a line, as `rule: found`.
fn rules_of(world: &World, line: usize) -> Vec<String> {
    let rows = world.rows();
    let rules = rows.events[line].detail.get("fraud_rules").and_then(Value::as_array).cloned().unwrap_or_default();
    rules.iter().map(|rule| format!("{}: {}", rule["rule"], rule["found"]).replace('"', "")).collect()
}

fn suspicion(rules: &[FraudRule], blocked_by: Option<FraudRule>, cleared: bool) -> Suspicion {
    Suspicion { rules: rules.to_vec(), blocked_by, cleared }
}

#[test]
fn a_block_withholds_everything_and_a_hit_that_is_detected_nothing() {
    for (mode, status, told, paid) in [
        (FraudMode::Detect, ReferralStatus::Lead, vec!["referral.lead", "transaction.created"], 1),
        (FraudMode::Block, ReferralStatus::Rejected, vec![], 0),
    ] {
        let world = guarded(|rules| rules.suspicious_email = mode);
        let lead = world.signs_up(only_email(&click(), "jane@mailinator.com")).referral;
        assert_eq!((lead.status, world.told()), (status, told.into_iter().map(str::to_owned).collect()));
        assert_eq!((world.rows().commissions.len(), world.rows().identities.len()), (paid, paid));
        let blocked_by = (mode == FraudMode::Block).then_some(FraudRule::SuspiciousEmail);
        assert_eq!(lead.suspicion, Some(suspicion(&[FraudRule::SuspiciousEmail], blocked_by, false)));
        assert_eq!(rules_of(&world, 0), ["suspicious_email: hit"]);
    }
}

#[test]
fn each_rule_that_blocks_gives_its_own_reason() {
    type Case = (fn(&mut FraudRules), Value, &'static str, Reason);
    let cases: [Case; 6] = [
        (
            |rules| rules.suspicious_email = FraudMode::Block,
            json!({}),
            "a@mailinator.com",
            Reason::SuspiciousEmailBlocked,
        ),
        (
            |rules| rules.paid_traffic = FraudMode::Block,
            json!({ "gclid": "1" }),
            "a@b.example",
            Reason::PaidTrafficBlocked,
        ),
        (
            |rules| {
                rules.banned_referral = FraudMode::Block;
                rules.banned_domains = vec!["bad.example".into()];
            },
            json!({ "referrer": "https://www.bad.example/" }),
            "a@b.example",
            Reason::BannedReferralBlocked,
        ),
        (
            |rules| {
                rules.blocked_country = FraudMode::Block;
                rules.blocked_countries = vec!["RU".into()];
            },
            json!({ "country": "RU" }),
            "a@b.example",
            Reason::BlockedCountryBlocked,
        ),
        (
            |rules| rules.self_referral = FraudMode::Block,
            json!({}),
            "alice+me@partners.example",
            Reason::SelfReferralBlocked,
        ),
        (
            // The sign-up comes ten days after the click.
            |rules| {
                rules.fast_signup = FraudMode::Block;
                rules.fast_signup_seconds = 11 * 24 * 60 * 60;
            },
            json!({}),
            "a@b.example",
            Reason::FastSignupBlocked,
        ),
    ];
    for (change, facts, address, reason) in cases {
        let world = guarded(change);
        let own = Some(email_hash("alice@partners.example"));
        world.database.put_affiliate(Affiliate { email_hash: own, ..affiliate() });
        let click = visit(facts);
        world.clicks.put(click.clone());
        let blocked = world.signs_up(only_email(&click, address));
        assert_eq!((blocked.reason, blocked.referral.status), (reason, ReferralStatus::Rejected));
        assert_eq!(world.rows().events[0].reason, reason);
        assert!(world.told().is_empty());
    }
}

#[test]
fn who_uses_the_merchants_product_is_recognised_by_their_user_id() {
    let world = guarded(|rules| rules.self_referral = FraudMode::Block);
    world.database.put_affiliate(Affiliate { external_user_id: Some("user_1".into()), ..affiliate() });
    assert_eq!(world.signs_up(only_key(&click(), "user_1")).reason, Reason::SelfReferralBlocked);
    assert_eq!(world.signs_up(only_key(&bobs_click(), "user_1")).referral.status, ReferralStatus::Lead);
}

#[test]
fn a_release_makes_good_what_was_withheld_and_once() {
    let world = guarded(|rules| rules.paid_traffic = FraudMode::Block);
    let click = visit(json!({ "gclid": "1" }));
    world.clicks.put(click.clone());
    world.signs_up(sign_up(&click));
    let released = world.releases(ReferralStatus::Lead);
    let cleared = Some(suspicion(&[FraudRule::PaidTraffic], Some(FraudRule::PaidTraffic), true));
    assert_eq!((released.status, released.suspicion, released.lead_withheld), (ReferralStatus::Lead, cleared, false));
    assert_eq!(world.told(), ["referral.updated", "referral.lead", "transaction.created"]);
    assert_eq!(world.statuses(), [("lead", Some(500), CommissionStatus::ReadyForPayment)]);
    assert_eq!((world.total(), world.holder(Identity::external_user_id("user_1"))), (500, Some(click.id)));
    // Rejected and released once more, it is an ordinary lead: what was declined comes back, nothing is earned anew.
    world.changes(to(ReferralStatus::Rejected));
    world.releases(ReferralStatus::Lead);
    assert_eq!(world.statuses(), [("lead", Some(500), CommissionStatus::PendingManualApproval)]);
    assert_eq!(world.told().iter().filter(|kind| *kind == "referral.lead").count(), 1);
}

#[test]
fn a_release_whose_answer_is_lost_pays_once() {
    let world = guarded(|rules| rules.paid_traffic = FraudMode::Block);
    let click = visit(json!({ "gclid": "1" }));
    world.clicks.put(click.clone());
    world.signs_up(sign_up(&click));
    world.database.next_commit(Fault::AnswerLost);
    world.releases(ReferralStatus::Customer);
    assert_eq!((world.rows().commissions.len(), world.total()), (1, 500));
    let told = world.told();
    assert_eq!(told.iter().filter(|kind| *kind == "referral.lead").count(), 1);
    assert!(told.contains(&"referral.converted".to_owned()));
}

#[test]
fn what_the_release_earns_follows_the_rules_of_then() {
    let world = guarded(|rules| rules.paid_traffic = FraudMode::Block);
    let click = visit(json!({ "gclid": "1" }));
    world.clicks.put(click.clone());
    world.signs_up(sign_up(&click));
    world.database.change_rules(&click.scope.program_id, |program| {
        program.incentives = vec![per_lead(700, Approval::HoldPeriod { days: 30 })];
    });
    world.releases(ReferralStatus::Lead);
    assert_eq!(world.statuses(), [("lead", Some(700), CommissionStatus::Pending)]);
}

#[test]
fn a_referral_that_a_person_rejected_gets_no_second_lead_by_its_release() {
    let world = guarded(|_| {});
    world.signs_up(sign_up(&click()));
    world.changes(to(ReferralStatus::Rejected));
    world.releases(ReferralStatus::Lead);
    assert_eq!(world.statuses(), [("lead", Some(500), CommissionStatus::PendingManualApproval)]);
    assert_eq!(world.told().iter().filter(|kind| *kind == "referral.lead").count(), 1);
}

#[test]
fn a_sale_that_a_rule_blocks_is_recorded_without_commission() {
    let world = guarded(|rules| rules.paid_traffic = FraudMode::Detect);
    let click = visit(json!({ "gclid": "1" }));
    world.clicks.put(click.clone());
    world.signs_up(sign_up(&click));
    // Detected: it earns, and says so.
    let noted = world.sells(sale("order_1", "99.00"));
    assert_eq!(noted.commission.unwrap().amount_minor, Some(2970));
    let considered = &noted.conversion.decision.considered;
    assert!(considered.iter().any(|line| line.rule == "paid_traffic" && line.verdict == Verdict::Noted));
    assert_eq!(noted.conversion.decision.inputs["fraud_rules"], json!(["paid_traffic"]));
    world.database.change_rules(&click.scope.program_id, |program| program.fraud.paid_traffic = FraudMode::Block);
    let blocked = world.sells(sale("order_2", "99.00"));
    assert_eq!((blocked.commission, blocked.conversion.attributed), (None, false));
    assert_eq!(blocked.conversion.decision.reason, Reason::PaidTrafficBlocked);
    let considered = &blocked.conversion.decision.considered;
    assert!(considered.iter().any(|line| line.rule == "paid_traffic" && line.verdict == Verdict::Decided));
    // The referral stands; a person who rejects and releases it ends the matter.
    assert_eq!(world.stored(&click.id).status, ReferralStatus::Customer);
    world.changes(to(ReferralStatus::Rejected));
    world.releases(ReferralStatus::Customer);
    let cleared = world.sells(sale("order_3", "99.00"));
    assert_eq!(cleared.commission.unwrap().amount_minor, Some(2970));
}

#[test]
fn a_sale_knows_a_throw_away_address_by_its_mask() {
    let world = World::with(|program| program.email_policy = EmailPolicy::Masked);
    world.signs_up(only_email(&click(), "jane@team.mailinator.com"));
    world.database.change_rules(&click().scope.program_id, |program| program.fraud.suspicious_email = FraudMode::Block);
    let sold = world.sells(sale("order_1", "99.00"));
    assert_eq!(sold.conversion.decision.reason, Reason::SuspiciousEmailBlocked);
}

#[test]
fn a_sale_of_an_open_click_that_a_rule_blocks_makes_a_rejected_referral() {
    let world = guarded(|rules| rules.paid_traffic = FraudMode::Block);
    let click = visit(json!({ "gclid": "1" }));
    world.clicks.put(click.clone());
    let sold = world.sells(sale_to("order_1", &click.id, by_click(&click)));
    assert_eq!(sold.conversion.decision.reason, Reason::PaidTrafficBlocked);
    let made = world.stored(&click.id);
    assert_eq!((made.status, made.lead_withheld), (ReferralStatus::Rejected, false));
    assert_eq!(made.suspicion.unwrap().blocked_by, Some(FraudRule::PaidTraffic));
    assert!(world.told().is_empty() && world.rows().identities.is_empty());
    // A sign-up was never due, so none is made good; later sales earn.
    world.releases(ReferralStatus::Customer);
    assert!(world.rows().commissions.is_empty());
    let next = world.sells(sale_to("order_2", &click.id, by_click(&click)));
    assert_eq!(next.commission.unwrap().amount_minor, Some(2970));
}

/// The click of a further customer of Alice's, from the same network address.
fn from_office(number: u32) -> Click {
    let id = crate::ids::ReferralId::new(format!("ref_000000000000000000000010{number}"));
    Click { id, facts: json!({ "ip_hash": "office" }), ..click() }
}

fn customer(world: &World, number: u32) -> Referral {
    let click = from_office(number);
    world.clicks.put(click.clone());
    let command = SignUp {
        external_user_id: Some(format!("user_office_{number}")),
        email: Some(email(&format!("office_{number}@example.com"))),
        ..sign_up(&click)
    };
    world.signs_up(command).referral
}

#[test]
fn sign_ups_from_one_network_address_are_counted_for_one_affiliate_and_for_a_while() {
    let world = guarded(|rules| {
        rules.duplicate_ip = FraudMode::Block;
        rules.duplicate_ip_threshold = 2;
        rules.duplicate_ip_window_hours = 1;
    });
    let statuses = [1, 2, 3].map(|number| customer(&world, number).status);
    assert_eq!(statuses, [ReferralStatus::Lead, ReferralStatus::Lead, ReferralStatus::Rejected]);
    assert_eq!(rules_of(&world, 2), ["duplicate_ip: hit"]);
    // Another affiliate's customers are not these.
    let bobs = Click { affiliate_id: bob().id, ..from_office(4) };
    world.clicks.put(bobs.clone());
    assert_eq!(world.signs_up(only_key(&bobs, "user_bob")).referral.status, ReferralStatus::Lead);
    // An hour later nobody counts any more.
    let later = world.now.get().milliseconds() + 60 * 60 * 1000 + 1;
    world.now.set(Timestamp::from_milliseconds(later));
    assert_eq!(customer(&world, 5).status, ReferralStatus::Lead);
}

#[test]
fn a_sale_of_a_known_referral_asks_for_no_network_address() {
    let world = guarded(|rules| rules.duplicate_ip = FraudMode::Block);
    let first = customer(&world, 1);
    let user = first.external_user_id.clone().unwrap();
    let sold = world.sells(RecordSale { gate: first.id.clone(), ..sale_to("order_1", &first.id, by_user(&user)) });
    assert_eq!(sold.commission.unwrap().amount_minor, Some(2970));
    // The second click from there buys without having signed up.
    let click = from_office(2);
    world.clicks.put(click.clone());
    let second = world.sells(sale_to("order_2", &click.id, by_click(&click)));
    assert_eq!(second.conversion.decision.reason, Reason::DuplicateIpBlocked);
}

#[test]
fn a_blocked_sign_up_that_is_sent_again_stays_as_it_is() {
    let world = guarded(|rules| rules.suspicious_email = FraudMode::Block);
    world.signs_up(only_email(&click(), "jane@mailinator.com"));
    let again = SignUp { email: Some(email("jane@example.com")), ..only_key(&click(), "user_7") };
    let repeat = signed_up(world.retry(again).unwrap());
    assert_eq!((repeat.first_seen, repeat.referral.status), (FirstSeen::Before, ReferralStatus::Rejected));
}
