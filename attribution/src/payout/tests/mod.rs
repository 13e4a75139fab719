//! What a payout may become, what is told of it, and that the work on it may stop anywhere.

mod edits;
mod interrupted;
mod world;

use super::*;
use crate::edits::Editor;
use crate::fixtures::{affiliate, new_year, scope};

fn payout() -> Payout {
    let currency = Currency::from_code("USD").expect("a currency");
    let begun = Payout::begin(PayoutId::new("pay_1"), scope(), affiliate().id, currency, new_year());
    Payout { invoice_number: 7, ..begun }
}

fn by() -> Editor {
    Editor { actor: "key:key_1".to_owned(), request_id: "req_1".to_owned(), at: new_year().plus_days(1) }
}

#[test]
fn only_a_sum_above_nothing_and_not_below_the_threshold_is_paid() {
    assert!(is_payable(1, 0) && is_payable(5000, 5000));
    assert!(!is_payable(0, 0) && !is_payable(-1, 0) && !is_payable(4999, 5000));
}

#[test]
fn what_was_gathered_stands_or_is_given_up() {
    let stands = payout().gathered(5000, 5000, new_year());
    assert_eq!((stands.status, stands.work, stands.version), (PayoutStatus::Pending, None, 2));
    assert!(!stands.is_being_made() && stands.step().is_none());
    for (sum, threshold) in [(4999, 5000), (0, 0), (-1, 0)] {
        let given_up = payout().gathered(sum, threshold, new_year());
        assert!(given_up.is_being_made() && given_up.is_given_up());
        assert_eq!(given_up.step(), Some(Step::Release { payout_id: given_up.id.clone() }));
    }
    assert!(payout().is_being_made() && !payout().is_given_up());
}
