//! A click that is sent again under the browser's name for it is the one that is there. Design, section 4 (kept answers).

use serde_json::json;

use super::{Storage, World};
use crate::event_id::EventId;
use crate::fixtures::{click, scope};
use crate::ids::AffiliateId;
use crate::ledger::Clicks as _;
use crate::referral::Click;
use crate::shard::{NewClick, Shard, Tracked};

/// A visit as the Worker makes it out of a landing: every call with facts and a moment of its own.
fn visit(world: &World, landing: &str, affiliate: &str, facts: &str) -> NewClick {
    let affiliate_id = AffiliateId::new(affiliate);
    let event = EventId::parse(landing).unwrap();
    let id = event.click_id(b"secret", &scope().program_id, &affiliate_id, 4);
    let clicked_at = world.clock.0.get();
    let click = Click { id, affiliate_id, clicked_at, facts: json!({ "sent": facts }), ..click() };
    NewClick { click, idempotency: None, is_named: true }
}

fn track(world: &World, new: &NewClick) -> Tracked {
    pollster::block_on(world.shard.track(new, &world.clock)).unwrap()
}

#[test]
fn the_same_landing_again_is_the_click_that_is_there() {
    let world = World::new();
    let first = visit(&world, "landing_1", "aff_alice", "first");
    assert_eq!(track(&world, &first), Tracked::Stored);
    world.later(3_600_000);
    let again = visit(&world, "landing_1", "aff_alice", "again");
    assert_eq!(track(&world, &again), Tracked::Before(Box::new(first.click.clone())));
    assert_eq!(world.shard.storage.find(&first.click.id).unwrap(), Some(first.click));
}

#[test]
fn another_landing_and_another_affiliate_are_other_clicks() {
    let world = World::new();
    for (landing, affiliate) in [("landing_1", "aff_alice"), ("landing_2", "aff_alice"), ("landing_1", "aff_bob")] {
        assert_eq!(track(&world, &visit(&world, landing, affiliate, "")), Tracked::Stored);
    }
}

#[test]
fn an_object_that_was_reset_knows_the_landing_still() {
    let mut world = World::new();
    let first = visit(&world, "landing_1", "aff_alice", "first");
    assert_eq!(track(&world, &first), Tracked::Stored);
    let kept = world.shard.storage.0.take();
    world.shard = Shard::over(Storage(kept.into()));
    let again = visit(&world, "landing_1", "aff_alice", "again");
    assert_eq!(track(&world, &again), Tracked::Before(Box::new(first.click)));
}
