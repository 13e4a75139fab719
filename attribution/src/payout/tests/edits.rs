//! Edits, and what subscribers hear of them.

use serde_json::json;

use super::*;

fn to(status: PayoutStatus) -> PayoutEdit {
    PayoutEdit { status, payment_method: None, payment_reference: None }
}

/// One that stands, of 12.50 USD.
fn standing() -> Tally {
    let payout = payout().gathered(1250, 0, new_year());
    Tally { payout, sum_minor: 1250, lines: 2, threshold_minor: 0 }
}

fn later() -> Timestamp {
    new_year().plus_days(3)
}

#[test]
fn its_end_is_work_for_its_commissions() {
    let payout_id = payout().id;
    let ends = [
        (PayoutStatus::Completed, Step::Pay { payout_id: payout_id.clone() }),
        (PayoutStatus::Failed, Step::Release { payout_id: payout_id.clone() }),
        (PayoutStatus::Cancelled, Step::Release { payout_id }),
    ];
    for (status, step) in ends {
        let ended = standing().payout.edited(&to(status), later()).unwrap().unwrap();
        assert_eq!((ended.step(), ended.version, ended.updated_at), (Some(step), 3, later()));
        assert!(!ended.is_being_made());
        let processed = (status == PayoutStatus::Completed).then(later);
        assert_eq!(ended.processed_at, processed);
    }
    let under_way = standing().payout.edited(&to(PayoutStatus::Processing), later()).unwrap().unwrap();
    assert_eq!((under_way.work, under_way.processed_at), (None, None));
}

#[test]
fn what_is_so_already_is_no_change() {
    let edit = PayoutEdit { payment_reference: Some("wire 1".to_owned()), ..to(PayoutStatus::Completed) };
    let done = standing().payout.edited(&edit, later()).unwrap().unwrap();
    assert_eq!(done.edited(&edit, later().plus_days(1)), Ok(None));
    assert_eq!(done.edited(&to(PayoutStatus::Completed), later().plus_days(1)), Ok(None));
    let renamed = PayoutEdit { payment_reference: Some("wire 2".to_owned()), ..edit };
    let renamed = done.edited(&renamed, later().plus_days(1)).unwrap().unwrap();
    // What is still to be told to its commissions stays so, and so does the moment of its payment.
    assert_eq!((renamed.work, renamed.processed_at), (Some(Work::Settling), Some(later())));
}

#[test]
fn what_is_final_stays_and_what_is_being_made_waits() {
    let done = standing().payout.edited(&to(PayoutStatus::Completed), later()).unwrap().unwrap();
    let refusal = PayoutRefusal::NoSuchTransition { from: PayoutStatus::Completed, to: PayoutStatus::Failed };
    assert_eq!(done.edited(&to(PayoutStatus::Failed), later()), Err(refusal));
    let given_up = payout().gathered(0, 0, new_year());
    for made in [payout(), given_up] {
        assert_eq!(made.edited(&to(PayoutStatus::Completed), later()), Err(PayoutRefusal::Gathering));
        assert_eq!(made.edited(&to(PayoutStatus::Pending), later()), Err(PayoutRefusal::Gathering));
    }
}

#[test]
fn subscribers_hear_of_each_change_in_its_own_words() {
    let told = |status, before: &Tally| {
        let after = before.payout.edited(&to(status), later()).unwrap().unwrap();
        let line = after.line_of_edit(before, by());
        assert_eq!((line.kind, line.subject.as_str()), ("payout.updated", "pay_1"));
        line.messages.into_iter().map(|message| (message.kind, message.data["status"].clone())).collect::<Vec<_>>()
    };
    let expected = [
        (PayoutStatus::Processing, "payout.updated", "PROCESSING"),
        (PayoutStatus::Completed, "payout.paid", "COMPLETED"),
        (PayoutStatus::Failed, "payout.failed", "FAILED"),
        (PayoutStatus::Cancelled, "payout.updated", "CANCELLED"),
    ];
    for (status, kind, word) in expected {
        assert_eq!(told(status, &standing()), [(kind.to_owned(), json!(word))]);
    }
    let mut of_test = standing();
    of_test.payout.scope.is_test = true;
    assert_eq!(told(PayoutStatus::Completed, &of_test), []);
}

#[test]
fn a_message_says_what_the_published_one_does() {
    let edit = PayoutEdit {
        payment_method: Some("wise".to_owned()),
        payment_reference: Some("wire 1".to_owned()),
        ..to(PayoutStatus::Completed)
    };
    let before = standing();
    let line = before.payout.edited(&edit, later()).unwrap().unwrap().line_of_edit(&before, by());
    let expected = json!({
        "payoutId": "pay_1",
        "affiliateId": "aff_alice",
        "affiliateProgramId": "prog_1",
        "invoiceNumber": 7,
        "amount": serde_json::from_str::<serde_json::Value>("12.5").unwrap(),
        "currency": "USD",
        "status": "COMPLETED",
        "isManagedPayout": false,
        "paymentMethod": "wise",
        "paymentReference": "wire 1",
        "paidAt": "2026-01-04T00:00:00Z",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-04T00:00:00Z",
    });
    assert_eq!(line.messages[0].data, expected);
    assert_eq!(line.detail["status"], json!({ "from": "pending", "to": "completed" }));
}
