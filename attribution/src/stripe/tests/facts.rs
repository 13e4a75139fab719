//! Facts about one thing become one, in any order and any number of times.

use proptest::prelude::*;

use crate::fixtures::money;
use crate::status::ReferralStatus;
use crate::stripe::{Body, Dispute, DisputeTurn, Fact, Names, PaidBack, Subscription, SubscriptionTurn};
use crate::time::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds * 1000)
}

fn fact(body: Body) -> Fact {
    Fact { object: "x_1".to_owned(), names: Names::default(), sale_keys: vec!["pi_1".to_owned()], body, said_by: None }
}

fn total(minor: i64) -> Fact {
    fact(Body::PaidBack(PaidBack { minor, of_minor: 1_000, at: at(minor), reason: None }))
}

fn dispute(turn: DisputeTurn) -> Fact {
    fact(Body::Dispute(Dispute { turn, amount: money("5.00", "USD"), at: at(1) }))
}

fn subscription((turn, seconds): (SubscriptionTurn, i64)) -> Fact {
    fact(Body::Subscription(Subscription { turn, at: at(seconds) }))
}

fn merged(facts: Vec<Fact>) -> Body {
    facts.into_iter().reduce(Fact::merge).unwrap().body
}

fn turns() -> impl Strategy<Value = Vec<(SubscriptionTurn, i64)>> {
    let turn = prop_oneof![
        Just(SubscriptionTurn::Trialing),
        Just(SubscriptionTurn::Active),
        Just(SubscriptionTurn::Canceled),
    ];
    prop::collection::vec((turn, 0_i64..5), 1..8)
}

proptest! {
    #[test]
    fn totals_become_the_largest_one(totals in prop::collection::vec(1_i64..1_000, 1..8), turn in 0_usize..8) {
        let mut turned = totals.clone();
        turned.rotate_left(turn % totals.len());
        let largest = totals.iter().copied().max().unwrap();
        let again = turned.iter().chain(&turned).copied().map(total).collect();
        let Body::PaidBack(back) = merged(again) else { panic!() };
        prop_assert_eq!(back.minor, largest);
        prop_assert_eq!(merged(totals.into_iter().map(total).collect()), Body::PaidBack(back));
    }

    #[test]
    fn a_subscription_stands_as_it_was_said_last_and_does_not_rise_again(said in turns(), turn in 0_usize..8) {
        let mut turned = said.clone();
        turned.rotate_left(turn % said.len());
        let stands = |said: &[(SubscriptionTurn, i64)]| {
            let Body::Subscription(subscription) = merged(said.iter().copied().map(subscription).collect()) else { panic!() };
            subscription.turn
        };
        let expected = if said.iter().any(|(turn, _)| *turn == SubscriptionTurn::Canceled) {
            SubscriptionTurn::Canceled
        } else {
            said.iter().copied().max_by_key(|(turn, seconds)| (*seconds, *turn)).unwrap().0
        };
        prop_assert_eq!(stands(&said), expected);
        prop_assert_eq!(stands(&turned), expected);
    }
}

#[test]
fn a_decided_dispute_stays_decided() {
    for end in [DisputeTurn::Won, DisputeTurn::Lost] {
        for order in [[DisputeTurn::Open, end], [end, DisputeTurn::Open]] {
            let Body::Dispute(dispute) = merged(order.map(dispute).to_vec()) else { panic!() };
            assert_eq!(dispute.turn, end);
        }
    }
}

#[test]
fn a_subscription_moves_its_customer_forward_and_nobody_who_was_rejected() {
    use ReferralStatus::{Active, Canceled, Customer, Deleted, Lead, Rejected, Trialing};
    let moves = |turn: SubscriptionTurn| {
        [Lead, Trialing, Customer, Active, Canceled, Rejected, Deleted].map(|from| turn.moves(from))
    };
    assert_eq!(moves(SubscriptionTurn::Trialing), [Some(Trialing), None, None, None, None, None, None]);
    assert_eq!(
        moves(SubscriptionTurn::Active),
        [Some(Active), Some(Active), Some(Active), None, Some(Active), None, None]
    );
    assert_eq!(
        moves(SubscriptionTurn::Canceled),
        [Some(Canceled), Some(Canceled), Some(Canceled), Some(Canceled), None, None, None]
    );
}
