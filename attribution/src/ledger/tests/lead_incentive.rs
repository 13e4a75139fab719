//! What a lead earns: design, sections 1 (claims) and 5; seed 000 for the message.

use serde_json::json;

use super::World;
use crate::decision::Reason;
use crate::fixtures::{affiliate, browser_sign_up, click, direct_referral, per_lead, sign_up};
use crate::incentive::{AppliesTo, Approval, Incentive, Owner};
use crate::ledger::CreateReferral;
use crate::program::Affiliate;
use crate::status::{CommissionStatus, Partnership, ReferralStatus};
use crate::time::Timestamp;

#[test]
fn a_lead_incentive_pays_its_fixed_amount() {
    let hold = Approval::HoldPeriod { days: 30 };
    // 2026-01-11 and 30 days.
    let end = Timestamp::parse("2026-02-10T00:00:00Z");
    let cases = [
        (Approval::Automatic, CommissionStatus::ReadyForPayment, None),
        (hold, CommissionStatus::Pending, end),
        (Approval::Manual, CommissionStatus::PendingManualApproval, None),
    ];
    for (approval, status, hold_until) in cases {
        let world = World::with(|program| program.incentives.push(per_lead(500, approval)));
        let lead = world.signs_up(sign_up(&click()));
        let commission = world.rows().commissions.into_values().next().unwrap();
        assert_eq!((commission.amount_minor, commission.currency.code()), (Some(500), "USD"));
        assert_eq!((commission.status, commission.hold_until), (status, hold_until));
        assert_eq!((commission.reason, commission.conversion_id), (Reason::LeadCommissionEarned, None));
        assert_eq!((lead.referral.commission_total_minor, world.rows().commissions.len()), (500, 1));
        let told = world.rows().events[0].messages[1].clone();
        assert_eq!((told.kind.as_str(), &told.data["commissionAmount"]), ("transaction.created", &json!(5)));
        assert_eq!(told.data["commissionStatus"], json!(status.as_str().to_uppercase()));
        assert_eq!(told.data["transactionId"], json!(commission.id.as_str()));
    }
}

#[test]
fn what_only_a_browser_vouches_for_waits_unless_the_program_trusts_it() {
    let cases = [
        (false, CommissionStatus::PendingManualApproval, Reason::LeadAwaitsApproval),
        (true, CommissionStatus::ReadyForPayment, Reason::LeadCommissionEarned),
    ];
    for (trusted, status, reason) in cases {
        let world = World::with(|program| {
            program.trust_browser_leads = trusted;
            program.incentives.push(per_lead(500, Approval::Automatic));
        });
        assert!(!world.signs_up(browser_sign_up(&click())).referral.verified);
        let commission = world.rows().commissions.into_values().next().unwrap();
        assert_eq!((commission.amount_minor, commission.status, commission.reason), (Some(500), status, reason));
    }
}

#[test]
fn an_affiliates_own_lead_incentive_beats_the_groups_and_none_of_it_is_for_the_unapproved() {
    let own = |minor| Incentive { owner: Owner::Affiliate(affiliate().id), ..per_lead(minor, Approval::Automatic) };
    for (minor, earned) in [(700, vec![Some(700)]), (0, vec![])] {
        let world = World::with(|program| {
            let incentives = [per_lead(500, Approval::Automatic), own(minor)];
            program.incentives.extend(incentives);
        });
        world.signs_up(sign_up(&click()));
        let amounts: Vec<_> = world.rows().commissions.into_values().map(|lead| lead.amount_minor).collect();
        assert_eq!(amounts, earned);
    }
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.database.put_affiliate(Affiliate { partnership: Partnership::Pending, ..affiliate() });
    assert_eq!(world.signs_up(sign_up(&click())).referral.status, ReferralStatus::Lead);
    assert!(world.rows().commissions.is_empty());
}

#[test]
fn a_lead_incentive_prices_every_lead_whatever_plans_it_names() {
    let yearly = Incentive { applies_to: AppliesTo::YearlyPlans, ..per_lead(500, Approval::Automatic) };
    let world = World::with(|program| program.incentives.push(yearly));
    assert_eq!(world.signs_up(sign_up(&click())).referral.commission_total_minor, 500);
}

#[test]
fn only_a_lead_earns_the_lead_incentive() {
    for (status, earned) in [(ReferralStatus::Lead, 500), (ReferralStatus::Customer, 0)] {
        let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
        assert_eq!(world.records(CreateReferral { status, ..direct_referral() }).commission_total_minor, earned);
        let amounts: i64 = world.rows().commissions.into_values().filter_map(|lead| lead.amount_minor).sum();
        assert_eq!(amounts, earned);
    }
}
