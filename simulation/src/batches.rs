//! Batches: how the database applies one, and how a database that is built wrong would.
//!
//! Keeps no state.

use attribution::ids::ReferralId;
use attribution::ledger::Change;
use attribution::memory::Rows;
use attribution::referral::Scope;

use crate::breakage::Breakage;
use crate::scene::Scene;

/// The referrals that a batch writes.
pub fn referrals(batch: &[Change]) -> impl Iterator<Item = &ReferralId> {
    batch.iter().filter_map(|change| match change {
        Change::InsertReferral(referral) | Change::UpdateReferral(referral) => Some(&referral.id),
        _ => None,
    })
}

/// The sale keys that a batch claims.
pub fn sale_keys(batch: &[Change]) -> impl Iterator<Item = &str> {
    batch.iter().filter_map(|change| match change {
        Change::InsertConversion(conversion) => conversion.sale_key.as_deref(),
        _ => None,
    })
}

/// What a batch does, for the trace.
pub fn in_words(batch: &[Change]) -> String {
    let words = batch.iter().map(|change| match change {
        Change::InsertReferral(row) => format!("new referral {}", row.id),
        Change::UpdateReferral(row) => format!("referral {} seq {}", row.id, row.seq),
        Change::ClaimIdentity(id, identity) => format!("{} {} is {id}", identity.kind.as_str(), identity.value),
        Change::ReleaseIdentity(id, identity) => format!("{} {} leaves {id}", identity.kind.as_str(), identity.value),
        Change::InsertConversion(row) => format!("sale {} key {:?}", row.id, row.sale_key),
        Change::InsertCommission(row) => format!("commission {} of {:?}", row.id, row.amount_minor),
        Change::AppendEvent(row) => format!("{} seq {} rules {}", row.kind, row.seq, row.rules_version),
        Change::KeepAnswer(key, _) => format!("answer to {}", key.value),
        Change::DeclineLeadCommission(id, _) => format!("lead commission of {id} declined"),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Applies a batch: all of it, or the reason why none of it. No `version` means that any is in force.
pub fn apply(
    scene: &Scene,
    rows: &mut Rows,
    scope: &Scope,
    batch: &[Change],
    version: Option<i64>,
) -> Result<(), &'static str> {
    let of_change = |change: &Change| match change {
        Change::AppendEvent(event) => Some(version.unwrap_or(event.rules_version)),
        _ => version,
    };
    let in_force = batch.iter().find_map(|change| matches!(change, Change::AppendEvent(_)).then(|| of_change(change)));
    let in_force = in_force.flatten().or(version);
    if scene.breaks(Breakage::BatchInPieces) {
        for change in batch {
            *rows = rows.after(scope, std::slice::from_ref(change), in_force)?;
        }
        return Ok(());
    }
    if scene.breaks(Breakage::AnswerKeptBeforeEffect) {
        let (answers, effect): (Vec<Change>, Vec<Change>) =
            batch.iter().cloned().partition(|change| matches!(change, Change::KeepAnswer(..)));
        *rows = rows.after(scope, &answers, in_force)?;
        *rows = rows.after(scope, &effect, in_force)?;
        return Ok(());
    }
    *rows = rows.after(scope, batch, in_force)?;
    Ok(())
}

/// The batch as the database takes it: as it is, unless the database is built wrong.
pub fn as_built(scene: &Scene, rows: &mut Rows, scope: &Scope, batch: &[Change]) -> Vec<Change> {
    let mut batch = batch.to_vec();
    let place = || (scope.program_id.clone(), scope.is_test);
    if scene.breaks(Breakage::NoFence) {
        batch.iter_mut().for_each(|change| renumber(rows, change));
    }
    for change in &batch {
        match change {
            Change::ClaimIdentity(_, identity) if scene.breaks(Breakage::NoIdentityKey) => {
                let (program, is_test) = place();
                rows.identities.remove(&(program, is_test, identity.clone()));
            }
            Change::InsertConversion(conversion) if scene.breaks(Breakage::NoSaleKey) => {
                let (program, is_test) = place();
                let key = conversion.sale_key.clone().unwrap_or_default();
                rows.sale_keys.remove(&(program, is_test, key));
            }
            Change::KeepAnswer(key, _) if scene.breaks(Breakage::NoIdempotencyKey) => {
                rows.kept_answers.remove(key);
            }
            _ => {}
        }
    }
    batch
}

/// `UPDATE referral SET seq = seq + 1`, whatever was read.
fn renumber(rows: &Rows, change: &mut Change) {
    let next = |id: &ReferralId| rows.referrals.get(id).map(|stored| stored.seq + 1);
    match change {
        Change::UpdateReferral(referral) => referral.seq = next(&referral.id).unwrap_or(referral.seq),
        Change::AppendEvent(event) if event.seq > 1 => event.seq = next(&event.referral_id).unwrap_or(event.seq),
        _ => {}
    }
}
