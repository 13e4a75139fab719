//! What a customer is known by, as their owner edits it: names set, cleared, taken, freed. Design, section 1; reference of
//! the dialects, section 1.7.

use serde_json::json;

use super::{World, address, signed_up, user};
use crate::decision::Reason;
use crate::edits::Edit;
use crate::fixtures::{
    another_referral, bobs_click, browser_sign_up, click, context, direct_referral, email, only_email, only_key,
    per_lead, scope, sign_up,
};
use crate::ids::{ProgramId, ReferralId, TeamId};
use crate::incentive::Approval;
use crate::ledger::{Context, EditReferral, Reach, Rejection};
use crate::memory::Fault;
use crate::referral::{Identity, Referral, Scope};
use crate::status::{CommissionStatus, EmailPolicy, ReferralStatus};

/// Nothing about John's referral yet.
pub fn edit() -> EditReferral {
    EditReferral::of(context("req_edit"), click().id, scope())
}

pub fn set(text: &str) -> Edit<String> {
    Edit::Set(text.to_owned())
}

impl World {
    /// Changes a referral, twice: the second call is answered the same and changes nothing.
    pub(super) fn changes(&self, command: EditReferral) -> Referral {
        let first = signed_up(self.call(command.clone()).unwrap()).referral;
        assert_eq!(self.stored(&command.referral_id), first);
        assert_eq!(signed_up(self.retry(command).unwrap()).referral, first);
        first
    }
}

#[test]
fn every_name_can_be_set_and_cleared() {
    let world = World::new();
    world.signs_up(only_key(&click(), "user_1"));
    let after = world.changes(EditReferral {
        email: Edit::Set(email("john@example.com")),
        external_user_id: set("user_9"),
        customer_id: set("cus_9"),
        subscription_id: set("sub_9"),
        name: set("John D."),
        metadata: Edit::Set(json!({ "plan": "pro" })),
        ..edit()
    });
    assert_eq!(after.email.as_ref().unwrap().address.as_deref(), Some("john@example.com"));
    assert_eq!((after.external_user_id.as_deref(), after.customer_id.as_deref()), (Some("user_9"), Some("cus_9")));
    assert_eq!((after.subscription_id.as_deref(), after.name.as_deref()), (Some("sub_9"), Some("John D.")));
    assert_eq!((after.metadata, after.seq), (Some(json!({ "plan": "pro" })), 2));
    let names = [
        user("user_9"),
        Identity::customer_id("cus_9"),
        Identity::subscription_id("sub_9"),
        address("john@example.com"),
    ];
    for name in &names {
        assert_eq!(world.holder(name.clone()), Some(click().id), "{name:?}");
    }
    assert_eq!(world.holder(user("user_1")), None);

    let cleared = world.changes(EditReferral {
        context: context("req_clear"),
        email: Edit::Clear,
        external_user_id: Edit::Clear,
        customer_id: Edit::Clear,
        subscription_id: Edit::Clear,
        name: Edit::Clear,
        metadata: Edit::Clear,
        ..edit()
    });
    assert_eq!(cleared.identities(), []);
    assert_eq!((cleared.name, cleared.metadata, cleared.email), (None, None, None));
    assert!(world.rows().identities.is_empty());
    // Each is free for another customer.
    assert_eq!(world.signs_up(only_key(&bobs_click(), "user_9")).referral.id, bobs_click().id);
}

#[test]
fn the_history_says_which_fields_changed_and_no_value() {
    let world = World::with_john();
    world.changes(EditReferral { customer_id: set("cus_9"), name: set("John D."), ..edit() });
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.reason, line.seq), ("referral.updated", Reason::ReferralUpdated, 2));
    assert_eq!(line.detail["fields"], json!(["customer_id", "name"]));
    assert_eq!(line.detail["names_added"], json!(["customer_id"]));
    assert_eq!(line.actor, "key:key_1");
    let text = serde_json::to_string(&line.detail).unwrap();
    assert!(!text.contains("cus_9") && !text.contains("John"), "{text}");
    let told: Vec<_> = line.messages.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!((told, &line.messages[0].data["customerId"]), (vec!["referral.updated"], &json!("cus_9")));
}

#[test]
fn what_is_so_already_is_no_change() {
    let world = World::with_john();
    let rows = world.rows();
    let same = EditReferral {
        email: Edit::Set(email("John@Example.com")),
        external_user_id: set("user_1"),
        name: set("John Doe"),
        status: Some(ReferralStatus::Lead),
        ..edit()
    };
    assert_eq!(world.changes(same), rows.referrals[&click().id]);
    assert_eq!(world.changes(edit()), rows.referrals[&click().id]);
    assert_eq!(world.rows(), rows);
}

#[test]
fn a_name_that_another_referral_holds_is_taken() {
    let world = World::with_john();
    let jane = world.records(direct_referral());
    let taken = [
        (EditReferral { customer_id: set("cust_456"), ..edit() }, Identity::customer_id("cust_456")),
        (
            EditReferral { email: Edit::Set(email("newcustomer@example.com")), ..edit() },
            address("newcustomer@example.com"),
        ),
    ];
    for (command, identity) in taken {
        assert_eq!(world.refuses(command), Rejection::IdentityTaken { identity });
    }
    // A customer and a user may be called the same.
    world.changes(EditReferral { external_user_id: set("cust_456"), ..edit() });
    assert_eq!(world.holder(Identity::customer_id("cust_456")), Some(jane.id));
}

#[test]
fn a_further_name_becomes_the_name_and_the_old_one_is_free() {
    let world = World::with_john();
    world.signs_up(crate::ledger::SignUp { external_user_id: Some("user_1b".into()), ..sign_up(&bobs_click()) });
    assert_eq!(world.stored(&click().id).aliases, [user("user_1b")]);
    let promoted = world.changes(EditReferral { external_user_id: set("user_1b"), ..edit() });
    assert_eq!((promoted.external_user_id.as_deref(), promoted.aliases), (Some("user_1b"), vec![]));
    assert_eq!((world.holder(user("user_1b")), world.holder(user("user_1"))), (Some(click().id), None));
}

#[test]
fn what_the_program_does_not_keep_is_not_set_but_can_be_cleared() {
    let world = World::with(|program| {
        program.email_policy = EmailPolicy::Off;
        program.name_tracking = false;
    });
    world.signs_up(only_key(&click(), "user_1"));
    let rows = world.rows();
    world.changes(EditReferral { email: Edit::Set(email("x@example.com")), name: set("John"), ..edit() });
    assert_eq!(world.rows(), rows);

    let world = World::with_john();
    world.database.change_rules(&scope().program_id, |program| program.name_tracking = false);
    assert_eq!(world.changes(EditReferral { name: Edit::Clear, ..edit() }).name, None);
}

#[test]
fn a_browsers_claim_gives_way_to_what_the_owner_says() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.signs_up(only_key(&click(), "user_1"));
    // Anybody may say so on a page.
    world.signs_up(browser_sign_up(&bobs_click()));
    world.changes(EditReferral { email: Edit::Set(email("jane@example.com")), ..edit() });
    assert_eq!(world.holder(address("jane@example.com")), Some(click().id));
    let claim = world.stored(&bobs_click().id);
    assert_eq!((claim.status, claim.commission_total_minor), (ReferralStatus::Rejected, 0));
    let of_claim = world.rows().commissions.into_values().find(|row| row.referral_id == claim.id).unwrap();
    assert_eq!((of_claim.status, of_claim.reason), (CommissionStatus::Declined, Reason::ClaimOverridden));
    // What a key vouched for does not give way.
    let world = World::with_john();
    world.signs_up(only_email(&bobs_click(), "jane@example.com"));
    let identity = address("jane@example.com");
    let command = EditReferral { email: Edit::Set(email("jane@example.com")), ..edit() };
    assert_eq!(world.refuses(command), Rejection::IdentityTaken { identity });
}

#[test]
fn nobody_elses_referral_and_no_deleted_one_can_be_edited() {
    let world = World::with_john();
    let reach = |change: fn(&mut Reach)| {
        let mut reach = context("req_edit").reach;
        change(&mut reach);
        EditReferral { context: Context { reach, ..context("req_edit") }, customer_id: set("cus_9"), ..edit() }
    };
    let other_team = reach(|reach| reach.team_id = Some(TeamId::new("team_2")));
    assert_eq!(world.refuses(other_team), Rejection::ReferralNotFound);
    assert_eq!(world.refuses(reach(|reach| reach.is_test = Some(true))), Rejection::ReferralNotFound);
    let other_program = reach(|reach| reach.program_id = Some(ProgramId::new("prog_2")));
    assert_eq!(world.refuses(other_program), Rejection::OtherProgram);
    let other_mode = EditReferral { scope: Scope { is_test: true, ..scope() }, customer_id: set("cus_9"), ..edit() };
    assert_eq!(world.refuses(other_mode), Rejection::ReferralNotFound);
    let unknown = EditReferral { referral_id: ReferralId::new("ref_000000000000000000000none"), ..edit() };
    assert_eq!(world.refuses(unknown), Rejection::ReferralNotFound);
    world.call(EditReferral { status: Some(ReferralStatus::Deleted), ..edit() }).unwrap();
    assert_eq!(world.refuses(EditReferral { customer_id: set("cus_9"), ..edit() }), Rejection::ReferralNotFound);
}

#[test]
fn an_edit_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_john();
        world.database.next_commit(fault());
        let command = EditReferral { customer_id: set("cus_9"), status: Some(ReferralStatus::Rejected), ..edit() };
        let edited = world.changes(command);
        assert_eq!((edited.customer_id.as_deref(), edited.status), (Some("cus_9"), ReferralStatus::Rejected));
        assert_eq!((world.rows().events.len(), edited.seq), (2, 2));
    }
}

#[test]
fn of_two_who_want_the_same_name_at_once_one_gets_it() {
    let world = World::with_john();
    let jane = world.records(another_referral());
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival
            .call(EditReferral {
                customer_id: set("cus_9"),
                ..EditReferral::of(context("req_rival"), jane.id, scope())
            })
            .unwrap();
    })));
    let identity = Identity::customer_id("cus_9");
    let refused = super::rejection(world.call(EditReferral { customer_id: set("cus_9"), ..edit() }));
    assert_eq!(refused, Rejection::IdentityTaken { identity: identity.clone() });
    assert_eq!(
        (world.holder(identity), world.stored(&click().id).customer_id),
        (Some(another_referral().referral_id), None)
    );
}

#[test]
fn two_edits_at_once_are_both_kept() {
    let world = World::with_john();
    world.records(another_referral());
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival.call(EditReferral { customer_id: set("cus_9"), ..edit() }).unwrap();
    })));
    let after = signed_up(world.call(EditReferral { subscription_id: set("sub_9"), ..edit() }).unwrap()).referral;
    assert_eq!((after.customer_id.as_deref(), after.subscription_id.as_deref()), (Some("cus_9"), Some("sub_9")));
}
