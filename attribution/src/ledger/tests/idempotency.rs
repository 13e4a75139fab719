//! `Idempotency-Key`: the same call is answered as the first time, and says so. Design, sections 4 and 6.

use super::refunds::refunded;
use super::{World, rejection, signed_up, sold};
use crate::fixtures::{
    affiliate, bobs_click, by_user, click, direct_referral, early_refund, program, refund, sale, sale_to, scope,
    sign_up,
};
use crate::ids::{AffiliateId, ProgramId, ReferralId, TeamId};
use crate::ledger::{Answer, Command, Context, Failure, FirstSeen, IdempotencyKey, MAX_ATTEMPTS, Rejection, SignUp};
use crate::memory::Fault;
use crate::program::{Affiliate, Program};
use crate::referral::{Click, Scope};

fn with_key(command: impl Into<Command>, value: &str, body: &str) -> Command {
    let mut command = command.into();
    let route = match &command {
        Command::SignUp(_) => "POST /v1/signups",
        Command::CreateReferral(_) => "POST /v1/referrals",
        Command::RecordSale(_) => "POST /v1/conversions",
        _ => "POST /v1/conversions/{id}/refund",
    };
    let key = IdempotencyKey { route: route.to_owned(), value: value.to_owned(), body_hash: body.to_owned() };
    context_of(&mut command).idempotency = Some(key);
    command
}

fn context_of(command: &mut Command) -> &mut Context {
    match command {
        Command::SignUp(command) => &mut command.context,
        Command::CreateReferral(command) => &mut command.context,
        Command::RecordSale(command) => &mut command.context,
        Command::Refund(command) => &mut command.context,
        Command::Reconsider(command) => &mut command.context,
        Command::ManualCommission(command) => &mut command.context,
        Command::EditCommission(command) => &mut command.context,
        Command::EditReferral(command) => &mut command.context,
        Command::MoveCommissions(command) => &mut command.context,
        Command::ExpireRefund(command) => &mut command.context,
        Command::EraseReferral(command) => &mut command.context,
    }
}

impl World {
    fn answers(&self, command: Command) -> Answer {
        self.answer_at(command, self.now.get()).unwrap()
    }

    /// The client's retry: a request of its own, which changes nothing.
    fn answers_again(&self, command: Command) -> Answer {
        let rows = self.rows();
        let answer = self.answer_at(super::retried(command), self.now.get().plus_days(1)).unwrap();
        assert_eq!(self.rows(), rows, "the second call changed rows");
        answer
    }
}

/// Every command that a caller can send, against a world where it has something to do.
fn commands() -> Vec<(World, Command)> {
    vec![
        (World::new(), sign_up(&click()).into()),
        (World::new(), direct_referral().into()),
        (World::with_john(), sale("order_1", "99.00").into()),
        (World::with_john(), crate::ledger::RecordSale { sale_key: None, ..sale("order_1", "99.00") }.into()),
        (World::with_order(), refund("r1", "order_1", Some("33")).into()),
        (World::with_order(), crate::ledger::Refund { refund_key: None, ..refund("r1", "order_1", None) }.into()),
        (World::with_john(), early_refund("r1", "order_1", Some("33")).into()),
    ]
}

#[test]
fn a_repeat_is_answered_as_the_first_time_and_says_so() {
    for (world, command) in commands() {
        let command = with_key(command, "key-1", "body");
        let first = world.answers(command.clone());
        assert!(!first.replayed);
        for _ in 0..2 {
            assert_eq!(world.answers_again(command.clone()), Answer { replayed: true, ..first.clone() });
        }
    }
}

#[test]
fn the_replay_is_the_answer_of_then_whatever_has_happened_since() {
    let world = World::with_john();
    let command = with_key(sale("order_1", "99.00"), "key-1", "body");
    let first = world.answers(command.clone());
    world.pays_back(refund("r1", "order_1", None));
    assert_eq!(world.answers_again(command), Answer { replayed: true, ..first });
}

#[test]
fn another_body_under_the_key_is_refused_and_changes_nothing() {
    for (world, command) in commands() {
        world.answers(with_key(command.clone(), "key-1", "body"));
        assert_eq!(world.refuses(with_key(command.clone(), "key-1", "another body")), Rejection::KeyReused);
        // That refusal is not kept: the first body is still answered.
        assert!(world.answers_again(with_key(command, "key-1", "body")).replayed);
    }
}

#[test]
fn another_sale_under_the_key_is_refused_though_its_gate_is_another() {
    let world = World::with_john();
    world.answers(with_key(sale("order_1", "99.00"), "key-1", "body"));
    let by_another_click = sale_to("order_2", &bobs_click().id, crate::fixtures::by_click(&bobs_click()));
    assert_eq!(world.refuses(with_key(by_another_click, "key-1", "another body")), Rejection::KeyReused);
    assert_eq!(world.rows().conversions.len(), 1);
}

#[test]
fn a_key_with_which_a_rule_refused_is_free() {
    let world = World::new();
    let early = with_key(sale_to("order_1", &click().id, by_user("user_1")), "key-1", "body");
    let nobody = world.refuses(early.clone());
    assert!(matches!(nobody, Rejection::CustomerNotFound | Rejection::ReferralNotFound), "{nobody:?}");
    assert!(world.rows().kept_answers.is_empty());
    world.signs_up(sign_up(&click()));
    let answer = world.answers(early.clone());
    assert!(!answer.replayed);
    assert_eq!(sold(answer.outcome.clone()).1, FirstSeen::Now);
    assert_eq!(world.answers_again(early), Answer { replayed: true, ..answer });
}

#[test]
fn a_refund_that_was_too_large_leaves_its_key_free() {
    let world = World::with_order();
    let too_large = refund("r1", "order_1", Some("500"));
    assert!(matches!(world.refuses(with_key(too_large, "key-1", "500")), Rejection::RefundTooLarge { .. }));
    let corrected = with_key(refund("r1", "order_1", Some("33")), "key-1", "33");
    assert_eq!(refunded(world.answers(corrected).outcome).2, FirstSeen::Now);
}

#[test]
fn a_first_try_that_the_store_did_not_take_leaves_the_key_free() {
    for (world, command) in commands() {
        let command = with_key(command, "key-1", "body");
        let rows = world.rows();
        world.database.is_away.set(true);
        assert!(matches!(world.call(command.clone()), Err(Failure::Unavailable(_) | Failure::Busy(_))));
        world.database.is_away.set(false);
        for _ in 0..MAX_ATTEMPTS {
            world.database.next_commit(Fault::Lost);
        }
        assert!(matches!(world.call(command.clone()), Err(Failure::Busy(_))));
        assert_eq!(world.rows(), rows);
        let first = world.answers(command.clone());
        assert!(!first.replayed);
        assert_eq!(world.answers_again(command), Answer { replayed: true, ..first });
    }
}

#[test]
fn a_commit_whose_answer_was_lost_is_answered_as_new() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        for (world, command) in commands() {
            let command = with_key(command, "key-1", "body");
            let unhurt = world.rows().events.len();
            world.database.next_commit(fault());
            let first = world.answers(command.clone());
            assert!(!first.replayed);
            assert_eq!((world.rows().events.len(), world.rows().kept_answers.len()), (unhurt + 1, 1));
            assert_eq!(world.answers_again(command), Answer { replayed: true, ..first });
        }
    }
}

#[test]
fn of_two_with_one_key_at_once_the_second_is_answered_as_the_first() {
    for (world, command) in commands() {
        let command = with_key(command, "key-1", "body");
        let (rival, mut theirs) = (world.clone(), super::retried(command.clone()));
        context_of(&mut theirs).request_id = "req_rival".to_owned();
        let before = world.rows().events.len();
        world.database.next_commit(Fault::Overtaken(Box::new(move || drop(rival.call(theirs).unwrap()))));
        let second = world.answers(command.clone());
        assert!(second.replayed, "{command:?}");
        assert_eq!(world.rows().events.len(), before + 1);
        assert_eq!(world.answers_again(command), second);
    }
}

#[test]
fn of_two_with_one_key_and_two_bodies_at_once_the_second_is_refused() {
    let world = World::with_john();
    let rival = world.clone();
    let theirs = with_key(sale("order_2", "10.00"), "key-1", "their body");
    world.database.next_commit(Fault::Overtaken(Box::new(move || drop(rival.call(theirs).unwrap()))));
    let mine = with_key(sale("order_1", "99.00"), "key-1", "my body");
    assert_eq!(rejection(world.call(mine)), Rejection::KeyReused);
    assert_eq!(world.rows().conversions.len(), 1);
}

#[test]
fn a_key_on_a_repeat_by_natural_key_is_kept_as_well() {
    let world = World::with_john();
    world.sells(sale("order_1", "99.00"));
    let repeat = with_key(super::retried(sale("order_1", "99.00").into()), "key-1", "body");
    let mut again = repeat.clone();
    context_of(&mut again).request_id = "req_again".to_owned();
    let first = world.answers(repeat.clone());
    assert_eq!((first.replayed, sold(first.outcome.clone()).1), (false, FirstSeen::Before));
    assert_eq!(world.answers(again), Answer { replayed: true, ..first });
    let other = with_key(sale("order_1", "99.00"), "key-1", "another body");
    assert_eq!(world.refuses(other), Rejection::KeyReused);
    assert_eq!((world.rows().conversions.len(), world.total()), (1, 2970));
}

#[test]
fn routes_have_keys_of_their_own() {
    let world = World::new();
    for command in [sign_up(&click()).into(), Command::from(sale("order_1", "99.00"))] {
        assert!(!world.answers(with_key(command, "key-1", "body")).replayed);
    }
    assert_eq!(world.rows().kept_answers.len(), 2);
}

/// Another team with a program, an affiliate and a click.
fn other_team(world: &World) -> (Scope, Click) {
    let (team_id, program_id) = (TeamId::new("team_2"), ProgramId::new("prog_2"));
    world.database.put_program(Program { id: program_id.clone(), team_id: team_id.clone(), number: 2, ..program() });
    let affiliate_id = AffiliateId::new("aff_mallory");
    let owner = (team_id.clone(), program_id.clone());
    world.database.put_affiliate(Affiliate {
        id: affiliate_id.clone(),
        team_id: owner.0,
        program_id: owner.1,
        ..affiliate()
    });
    let scope = Scope { team_id, program_id, is_test: false };
    let id = ReferralId::new("ref_0000000000000000000000003");
    let click = Click { id, scope: scope.clone(), affiliate_id, ..click() };
    world.clicks.put(click.clone());
    (scope, click)
}

#[test]
fn the_keys_of_one_team_do_not_meet_anothers() {
    let world = World::new();
    let (scope, theirs) = other_team(&world);
    let mine = world.answers(with_key(sign_up(&click()), "key-1", "body"));
    let mut other = SignUp { click_id: theirs.id.clone(), ..sign_up(&theirs) };
    (other.context.reach.team_id, other.context.reach.program_id) = (Some(scope.team_id), Some(scope.program_id));
    for body in ["body", "another body"] {
        let command = with_key(other.clone(), &format!("key-{}", if body == "body" { 1 } else { 2 }), body);
        let answer = world.answers(command.clone());
        assert_eq!((answer.replayed, &signed_up(answer.outcome).referral.id), (false, &theirs.id));
        assert!(world.answers_again(command).replayed);
    }
    assert_eq!(world.answers_again(with_key(sign_up(&click()), "key-1", "body")), Answer { replayed: true, ..mine });
}

#[test]
fn test_rows_have_keys_of_their_own() {
    let world = World::new();
    let mut test_click = bobs_click();
    test_click.scope.is_test = true;
    world.clicks.put(test_click.clone());
    assert!(!world.answers(with_key(sign_up(&click()), "key-1", "body")).replayed);
    let mut of_test = sign_up(&test_click);
    of_test.context.reach.is_test = Some(true);
    let answer = world.answers(with_key(of_test, "key-1", "another body"));
    assert_eq!((answer.replayed, signed_up(answer.outcome).referral.id), (false, test_click.id));
    let kept: Vec<bool> = world.rows().kept_answers.into_keys().map(|key| key.is_test).collect();
    assert_eq!((kept, scope().is_test), (vec![false, true], false));
}
