//! Batches: how the database applies one, and how a database that is built wrong would.
//!
//! Keeps no state.

use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::ids::ReferralId;
use attribution::ledger::Change;
use attribution::memory::Rows;
use attribution::referral::Scope;
use attribution::sale::SaleRefund;

use crate::breakage::Breakage;
use crate::scene::Scene;
use crate::turning_points;

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
        Change::ClaimSaleKey(_, key) => Some(key),
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
        Change::ClaimSaleKey(row, key) => format!("sale {} is {key} too", row.id),
        Change::InsertCommission(row) => format!("commission {} of {:?}", row.id, row.amount_minor),
        Change::AppendEvent(row) => format!("{} seq {} rules {}", row.kind, row.seq, row.rules_version),
        Change::KeepAnswer(key, _) => format!("answer to {}", key.value),
        Change::UpdateConversion(row) => format!("sale {} refunded {}", row.id, row.refunded_minor),
        Change::UpdateCommission(row) => {
            format!("commission {} is {:?}, {}", row.id, row.amount_minor, row.status.as_str())
        }
        Change::Reassign(id, affiliate, rows) => format!("{id} and {} commissions become {affiliate}'s", rows.len()),
        Change::AddPayoutLine(row) => {
            format!("payout {} pays {} for {}", row.payout_id, row.amount_minor, row.commission_id)
        }
        Change::InsertRefund(row) => format!("refund {} of {}", row.id, row.amount.minor),
        Change::ParkRefund(row) => format!("refund {} waits for {}", row.id, row.sale_key),
        Change::SettleRefund(row) => format!("refund {} waits no longer", row.id),
        Change::EraseTraces(id, _) => format!("traces of {id} erased"),
        Change::DeclineLeadCommission(id, _) => format!("lead commission of {id} declined"),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Applies a batch: all of it, or the reason why none of it. `version` is that of the rules in force.
pub fn apply(
    scene: &Scene,
    rows: &mut Rc<Rows>,
    scope: &Scope,
    batch: &[Change],
    version: i64,
) -> Result<(), &'static str> {
    if !scene.is_built_wrong() {
        *rows = Rc::new(rows.after(scope, batch, Some(version))?);
        return Ok(());
    }
    let (before, batch) = as_built(scene, (**rows).clone(), scope, batch);
    let named =
        |change: &Change| if let Change::AppendEvent(event) = change { Some(event.rules_version) } else { None };
    let ignored = scene.breaks(Breakage::NoRulesVersion).then(|| batch.iter().find_map(named)).flatten();
    let version = Some(ignored.unwrap_or(version));
    if scene.breaks(Breakage::BatchInPieces) {
        for change in &batch {
            *rows = Rc::new(rows.after(scope, std::slice::from_ref(change), version)?);
        }
    } else if scene.breaks(Breakage::AnswerKeptBeforeEffect) {
        let is_answer = |change: &Change| matches!(change, Change::KeepAnswer(..));
        let (answers, effect): (Vec<Change>, Vec<Change>) = batch.into_iter().partition(is_answer);
        *rows = Rc::new(rows.after(scope, &answers, version)?);
        *rows = Rc::new(rows.after(scope, &effect, version)?);
    } else {
        let waiting = before.parked.clone();
        let hidden = scene.breaks(Breakage::SaleLeavesItsRefundWaiting);
        let before = if hidden { Rows { parked: BTreeMap::default(), ..before } } else { before };
        let mut after = before.after(scope, &batch, version)?;
        if hidden {
            let settled = |change: &Change| match change {
                Change::SettleRefund(refund) => Some(refund.id.clone()),
                _ => None,
            };
            let settled: Vec<_> = batch.iter().filter_map(settled).collect();
            after.parked.extend(waiting.into_iter().filter(|(id, _)| !settled.contains(id)));
        }
        *rows = Rc::new(after);
    }
    Ok(())
}

/// Rows and batch as they are, unless the database is built wrong.
fn as_built(scene: &Scene, mut rows: Rows, scope: &Scope, batch: &[Change]) -> (Rows, Vec<Change>) {
    let mut batch = batch.to_vec();
    if scene.breaks(Breakage::NoFence) {
        for change in &mut batch {
            renumber(&rows, change);
        }
    }
    if scene.breaks(Breakage::CapWithoutFence) && turning_points::is_capped(&batch) {
        for change in &mut batch {
            renumber(&rows, change);
        }
    }
    if scene.breaks(Breakage::ClawbackOfWhatWasLeft) {
        count_from_rest(&rows, &mut batch);
    }
    let tells = |kind| batch.iter().any(|change| matches!(change, Change::AppendEvent(line) if line.kind == kind));
    let (is_release, is_reassignment) = (tells("referral.released"), tells("referral.reassigned"));
    if scene.breaks(Breakage::ReleasedWithoutItsNames) && is_release {
        batch.retain(|change| !matches!(change, Change::ClaimIdentity(..)));
    }
    if scene.breaks(Breakage::ReassignedWithoutItsSum) && is_reassignment {
        for change in &mut batch {
            keep_sum(&rows, change);
        }
    }
    let (program, is_test) = (&scope.program_id, scope.is_test);
    for change in &batch {
        match change {
            Change::ClaimIdentity(_, identity) if scene.breaks(Breakage::NoIdentityKey) => {
                rows.identities.remove(&(program.clone(), is_test, identity.clone()));
            }
            Change::InsertConversion(conversion) if scene.breaks(Breakage::NoSaleKey) => {
                let key = conversion.sale_key.clone().unwrap_or_default();
                rows.sale_keys.remove(&(program.clone(), is_test, key));
            }
            Change::KeepAnswer(key, _) if scene.breaks(Breakage::NoIdempotencyKey) => {
                rows.kept_answers.remove(key);
            }
            Change::InsertRefund(refund) if scene.breaks(Breakage::NoRefundKey) => {
                forget_refund_key(&mut rows, refund.refund_key.as_deref());
            }
            _ => {}
        }
    }
    (rows, batch)
}

/// Takes back of a paid commission the part of what was left of it, instead of what it would no longer have earned.
fn count_from_rest(rows: &Rows, batch: &mut [Change]) {
    let refund = batch.iter().find_map(|change| match change {
        Change::InsertRefund(refund) => Some((refund.conversion_id.clone(), refund.amount.minor)),
        _ => None,
    });
    let Some((sale, refunded)) = refund else { return };
    let Some(sale) = rows.conversions.get(&sale) else { return };
    let commission = sale.commission_id.as_ref().and_then(|id| rows.commissions.get(id));
    let Some(left) = commission.and_then(|row| Some(row.amount_minor? - row.clawed_back_minor)) else { return };
    let remaining = sale.remaining().minor.max(1);
    let part = (2 * left * refunded + remaining) / (2 * remaining);
    for change in batch {
        if let Change::InsertCommission(row) = change {
            row.amount_minor = Some(-part);
        }
    }
}

/// `UPDATE referral SET …` without its sum.
fn keep_sum(rows: &Rows, change: &mut Change) {
    let Change::UpdateReferral(referral) = change else { return };
    let stored = rows.referrals.get(&referral.id);
    referral.commission_total_minor = stored.map_or(0, |stored| stored.commission_total_minor);
}

/// Makes a key free; the refunds that had it stay.
fn forget_refund_key(rows: &mut Rows, key: Option<&str>) {
    let same = |row: &&mut SaleRefund| key.is_some() && row.refund_key.as_deref() == key;
    for refund in rows.refunds.values_mut().filter(same) {
        refund.refund_key = None;
    }
}

/// `UPDATE referral SET seq = seq + 1`, whatever was read.
fn renumber(rows: &Rows, change: &mut Change) {
    let next = |id: &ReferralId| rows.referrals.get(id).map(|stored| stored.seq + 1);
    match change {
        Change::UpdateReferral(referral) => referral.seq = next(&referral.id).unwrap_or(referral.seq),
        Change::AppendEvent(event) if event.seq > 1 => {
            event.seq = next(&ReferralId::new(event.subject.as_str())).unwrap_or(event.seq);
        }
        _ => {}
    }
}
