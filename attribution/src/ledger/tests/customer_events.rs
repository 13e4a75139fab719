//! What a caller reports of a customer: names learnt, milestones put on record, a trial. Docs/rules.md, section 10;
//! reference of the dialects, section 1.8.

use serde_json::{Map, json};

use super::edit_referral::edit;
use super::{World, rejection, signed_up, user};
use crate::decision::Reason;
use crate::fixtures::{bobs_click, by_customer, click, direct_referral, from_click, new_year, only_key, sale, sale_to};
use crate::ledger::{EditReferral, FirstSeen, IdempotencyKey, Milestone, Rejection};
use crate::memory::Fault;
use crate::referral::Identity;
use crate::status::ReferralStatus;

fn milestone(moves_to: Option<ReferralStatus>) -> EditReferral {
    let detail = Map::from_iter([("metadata".to_owned(), json!({ "step": 2 }))]);
    let milestone = Milestone { name: "kyc_passed".to_owned(), moves_to, detail };
    EditReferral { milestone: Some(milestone), ..edit() }
}

fn with_key(mut command: EditReferral, value: &str) -> EditReferral {
    let route = "POST /v1/events milestone".to_owned();
    command.context.idempotency = Some(IdempotencyKey { route, value: value.to_owned(), body_hash: String::new() });
    command
}

#[test]
fn a_milestone_is_a_line_that_nobody_is_told_of() {
    let world = World::with_john();
    let before = world.stored(&click().id);
    let after = signed_up(world.call(milestone(None)).unwrap()).referral;
    assert_eq!((after.status, after.converted_at, after.seq), (ReferralStatus::Lead, None, before.seq + 1));
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.reason), ("referral.milestone", Reason::MilestoneRecorded));
    assert_eq!(
        (&line.detail["event_name"], &line.detail["sent"]),
        (&json!("kyc_passed"), &json!({ "metadata": { "step": 2 } }))
    );
    assert!(line.messages.is_empty());
}

#[test]
fn a_milestone_with_a_key_is_recorded_once_also_where_its_answer_was_lost() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_john();
        world.database.next_commit(fault());
        let command = with_key(milestone(None), "evt_1");
        let first = world.answer_at(command.clone(), world.now.get()).unwrap();
        assert!(!first.replayed);
        assert_eq!(signed_up(first.outcome.clone()).first_seen, FirstSeen::Now);
        assert_eq!(world.rows().events.len(), 2);
        let again = world.answer_at(super::retried(command.into()), world.now.get()).unwrap();
        assert_eq!((again.replayed, again.outcome), (true, first.outcome));
        assert_eq!(world.rows().events.len(), 2);
    }
}

#[test]
fn a_trial_moves_on_whoever_may_become_one_and_releases_nobody() {
    use ReferralStatus::{Active, Canceled, Customer, Lead, Rejected, Trialing};
    // By hand from the table of docs/rules.md: an active subscriber does not go back to a trial.
    let cases = [(Lead, Trialing), (Customer, Trialing), (Canceled, Trialing), (Active, Active), (Rejected, Rejected)];
    for (from, to) in cases {
        let world = World::with_john();
        if from != Lead {
            world.changes(EditReferral { status: Some(from), ..edit() });
        }
        let before = world.stored(&click().id);
        let trial = EditReferral { occurred_at: Some(new_year().plus_days(3)), ..milestone(Some(Trialing)) };
        let after = signed_up(world.call(trial).unwrap()).referral;
        assert_eq!(after.status, to, "{from:?}");
        let line = world.rows().events.pop().unwrap();
        assert_eq!((line.kind, &line.detail["event_name"]), ("referral.milestone", &json!("kyc_passed")));
        let told: Vec<_> = line.messages.iter().map(|message| message.kind.as_str()).collect();
        if from == Lead {
            assert_eq!(after.converted_at, Some(new_year().plus_days(3)));
            assert_eq!(told, ["referral.updated", "referral.converted"]);
        } else {
            assert_eq!(after.converted_at, before.converted_at);
            assert_eq!(told.len(), usize::from(from != to));
        }
    }
}

#[test]
fn names_that_nobody_holds_are_learnt_and_later_calls_need_only_them() {
    let world = World::with_john();
    let known_as = vec![user("user_1"), user("user_1b"), Identity::customer_id("cus_1")];
    let after = signed_up(world.call(EditReferral { known_as, ..milestone(None) }).unwrap()).referral;
    assert_eq!((after.customer_id.as_deref(), after.aliases), (Some("cus_1"), vec![user("user_1b")]));
    let sold = world.sells(sale_to("order_1", &click().id, by_customer("cus_1")));
    assert_eq!(sold.conversion.referral_id, click().id);
}

#[test]
fn names_and_ids_of_two_customers_are_refused() {
    let world = World::with_john();
    world.signs_up(only_key(&bobs_click(), "user_2"));
    let disagreement = Rejection::IdentifiersDisagree { first: click().id, second: bobs_click().id };
    let by_name = EditReferral { known_as: vec![user("user_2")], ..milestone(None) };
    assert_eq!(world.refuses(by_name), disagreement);
    let by_id = EditReferral { same_as: vec![bobs_click().id], ..milestone(None) };
    assert_eq!(world.refuses(by_id.clone()), disagreement);
    // The same referral twice is no disagreement, and a deleted one is nobody.
    world.call(EditReferral { same_as: vec![click().id], ..milestone(None) }).unwrap();
    let delete = EditReferral { referral_id: bobs_click().id, status: Some(ReferralStatus::Deleted), ..edit() };
    world.call(delete).unwrap();
    world.call(by_id).unwrap();
}

#[test]
fn a_rejected_referral_learns_no_name() {
    let world = World::with_john();
    world.changes(EditReferral { status: Some(ReferralStatus::Rejected), ..edit() });
    let known_as = vec![Identity::customer_id("cus_1")];
    let after = signed_up(world.call(EditReferral { known_as, ..milestone(None) }).unwrap()).referral;
    assert_eq!((after.customer_id, world.holder(Identity::customer_id("cus_1"))), (None, None));
}

#[test]
fn an_event_about_a_click_that_is_no_referral_is_nobodys() {
    let world = World::new();
    assert_eq!(world.refuses(milestone(Some(ReferralStatus::Trialing))), Rejection::ReferralNotFound);
    world.records(from_click(&click()));
    world.call(milestone(None)).unwrap();
    assert_eq!(
        rejection(world.call(EditReferral { referral_id: bobs_click().id, ..milestone(None) })),
        Rejection::ReferralNotFound
    );
    world.sells(sale("order_1", "99.00"));
    assert_eq!(world.stored(&click().id).email.unwrap().address.as_deref(), Some(direct_referral().email.as_str()));
}
