//! Accounts: what becomes of one, what is refused, what subscribers are told.

use serde_json::json;

use super::*;
use crate::edits::{Edit, EditLine, Editor};

struct Letters;

impl Random for Letters {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn hasher() -> EmailHasher {
    EmailHasher::for_program(b"secret", &ProgramId::new("prog_1"))
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn by() -> Editor {
    Editor { actor: "key:key_1".into(), request_id: "req_1".into(), at: at(5) }
}

fn account() -> Account {
    let opening = Opening {
        name: "Jane Smith".into(),
        email: address("Jane@Example.com"),
        tracking_id: None,
        group_id: Some(GroupId::new("grp_1")),
        recruited_by: None,
        particulars: Particulars::default(),
    };
    Account::open((TeamId::new("team_1"), ProgramId::new("prog_1")), opening, &hasher(), &mut Letters, at(1))
}

fn edit(account: &Account, edit: AccountEdit) -> Account {
    account.edited(edit, &hasher(), at(10)).expect("something to edit")
}

fn types(line: &EditLine) -> Vec<&str> {
    line.messages.iter().map(|message| message.kind.as_str()).collect()
}

/// Nothing stands against it.
fn alone() -> Surroundings {
    Surroundings { has_group: true, ..Surroundings::default() }
}

#[test]
fn a_new_account_is_approved_and_recognised_by_its_address() {
    let account = account();
    assert_eq!(account.partnership, Partnership::Approved);
    assert_eq!(account.email.as_deref(), Some("jane@example.com"));
    assert_eq!(account.email_hash, Some(hasher().hash(&address("jane@example.com"))));
    assert_eq!(account.source.as_deref(), Some("api"));
    assert!(account.tracking_id.starts_with("jane-smith-"));
    let line = account.line(None, by());
    assert_eq!((line.kind, types(&line)), ("affiliate.created", vec!["affiliate.created"]));
    assert_eq!(line.messages[0].data["status"], "APPROVED");
    assert!(!serde_json::to_string(&line.detail).unwrap().contains("jane@"), "lines stay, addresses may have to go");
}

#[test]
fn an_edit_that_changes_nothing_is_none() {
    let account = account();
    let same = AccountEdit {
        name: Some("Jane Smith".into()),
        email: Some(address("JANE@example.com")),
        partnership: Some(Partnership::Approved),
        company_name: Edit::Clear,
        payout_method: Some(PayoutMethod::None),
        ..AccountEdit::default()
    };
    assert_eq!(account.edited(same, &hasher(), at(10)), None);
}

#[test]
fn another_address_is_recognised_from_then_on() {
    let edited = edit(&account(), AccountEdit { email: Some(address("new@example.com")), ..AccountEdit::default() });
    assert_eq!(edited.email_hash, Some(hasher().hash(&address("new@example.com"))));
    assert!(!edited.is_read_alike(&account()));
}

#[test]
fn what_no_rule_reads_is_read_alike() {
    let edited = edit(
        &account(),
        AccountEdit { name: Some("Jane".into()), company_name: Edit::Set("Jane LLC".into()), ..AccountEdit::default() },
    );
    assert!(edited.is_read_alike(&account()));
    for change in [
        AccountEdit { group_id: Edit::Clear, ..AccountEdit::default() },
        AccountEdit { partnership: Some(Partnership::Pending), ..AccountEdit::default() },
        AccountEdit { recruited_by: Edit::Set(AffiliateId::new("aff_2")), ..AccountEdit::default() },
    ] {
        assert!(!edit(&account(), change).is_read_alike(&account()));
    }
    assert!(!account().deleted(at(10)).is_read_alike(&account()));
}

#[test]
fn no_two_edits_share_their_moment() {
    let first = edit(&account(), AccountEdit { name: Some("A".into()), ..AccountEdit::default() });
    let second = edit(&first, AccountEdit { name: Some("B".into()), ..AccountEdit::default() });
    assert_eq!((first.updated_at, second.updated_at), (Some(at(10)), Some(at(11))));
}

#[test]
fn approval_is_told_as_such() {
    let pending = edit(&account(), AccountEdit { partnership: Some(Partnership::Pending), ..AccountEdit::default() });
    let line = pending.line(Some(&account()), by());
    assert_eq!(types(&line), ["affiliate.updated"]);
    assert_eq!(line.detail["partnership"], json!({ "from": "approved", "to": "pending" }));
    let approved = edit(&pending, AccountEdit { partnership: Some(Partnership::Approved), ..AccountEdit::default() });
    assert_eq!(types(&approved.line(Some(&pending), by())), ["affiliate.confirmed", "affiliate.updated"]);
}

#[test]
fn a_deleted_account_is_rejected() {
    let deleted = account().deleted(at(10));
    assert_eq!((deleted.partnership, deleted.deleted_at), (Partnership::Rejected, Some(at(10))));
    assert_eq!(types(&deleted.line(Some(&account()), by())), ["affiliate.deleted"]);
}

#[test]
fn details_of_one_way_of_being_paid_are_none_of_anothers() {
    let details = |text: &str| Map::from_iter([("email".to_owned(), json!(text))]);
    let paypal = AccountEdit {
        payout_method: Some(PayoutMethod::Paypal),
        payout_details: Some(details("jane@pay.example")),
        ..AccountEdit::default()
    };
    let account = edit(&account(), paypal);
    let again = AccountEdit { payout_method: Some(PayoutMethod::Paypal), ..AccountEdit::default() };
    assert_eq!(account.edited(again, &hasher(), at(20)), None);
    let bitcoin = edit(&account, AccountEdit { payout_method: Some(PayoutMethod::Bitcoin), ..AccountEdit::default() });
    assert_eq!(bitcoin.particulars.payout_details, None);
    let none = edit(&account, AccountEdit { payout_method: Some(PayoutMethod::None), ..AccountEdit::default() });
    assert_eq!((none.particulars.payout_method, none.particulars.payout_details), (None, None));
}

#[test]
fn what_is_taken_or_missing_is_refused() {
    let account = account();
    assert_eq!(account.admit(&alone()), Ok(()));
    let refused = |surroundings: Surroundings| account.admit(&surroundings).unwrap_err();
    assert_eq!(refused(Surroundings::default()), AccountRefusal::NoSuchGroup);
    for taken in [Unique::TrackingId, Unique::Email, Unique::ExternalUserId] {
        assert_eq!(refused(Surroundings { taken: vec![taken], ..alone() }), AccountRefusal::Taken(taken));
    }
}

#[test]
fn a_new_account_is_in_the_default_group_unless_it_has_one() {
    let surroundings = Surroundings { default_group: Some(GroupId::new("grp_default")), ..alone() };
    assert_eq!(account().placed(&surroundings).unwrap().group_id, Some(GroupId::new("grp_1")));
    let groupless = Account { group_id: None, ..account() };
    assert_eq!(groupless.placed(&surroundings).unwrap().group_id, Some(GroupId::new("grp_default")));
}

#[test]
fn nobody_brings_themselves() {
    let bob = AffiliateId::new("aff_bob");
    let account = edit(&account(), AccountEdit { recruited_by: Edit::Set(bob.clone()), ..AccountEdit::default() });
    let by = |recruiters: Vec<AffiliateId>| account.admit(&Surroundings { recruiters, ..alone() });
    assert_eq!(by(vec![]), Err(AccountRefusal::NoSuchRecruiter));
    assert_eq!(by(vec![bob.clone(), AffiliateId::new("aff_carol")]), Ok(()));
    assert_eq!(by(vec![bob, account.id.clone()]), Err(AccountRefusal::RecruitedByThemselves));
}
