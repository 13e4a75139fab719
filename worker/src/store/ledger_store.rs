//! The ledger's [`Store`] on D1: one read of everything that a command needs, one batch of everything that it changes.
//!
//! A batch is one transaction. What fails it: a `seq` that has moved on, a taken identity or sale key, a rules version
//! that has moved on, the database itself. The protocol treats all of them alike and reads again, so no error text is
//! interpreted here.

use attribution::ledger::{Change, NotCommitted, Query, State, Store, Unavailable};
use attribution::referral::Scope;
use attribution::sale::{Commission, RecordedSale};
use worker::D1PreparedStatement;

use super::referral::counted;
use super::{
    Database, away, commission, conversion, erasure, event, exchange_rate, kept_answer, payout, referral, refund, rows,
    unattributed_sale,
};

impl Store for Database {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        let reads = reads(self, query).map_err(|cause| away(&cause))?;
        let (subjects, statements): (Vec<_>, Vec<_>) = reads.into_iter().unzip();
        let answers = self.batch(statements).await.map_err(|cause| away(&cause))?;
        let mut state = State::default();
        let (mut commissions, mut levels, mut sales): (Vec<Commission>, Vec<Commission>, Vec<RecordedSale>) =
            Default::default();
        for (subject, answer) in subjects.iter().zip(&answers) {
            match subject {
                Subject::Referrals => {
                    let found: Vec<referral::Row> = rows(answer)?;
                    state.referrals = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::Holders => {
                    let found: Vec<referral::HolderRow> = rows(answer)?;
                    state.holders =
                        found.into_iter().map(referral::HolderRow::into_holder).collect::<Result<_, _>>()?;
                }
                Subject::Sale => {
                    let found: Vec<conversion::Row> = rows(answer)?;
                    state.sale = found.into_iter().next().map(TryInto::try_into).transpose()?;
                }
                Subject::Levels => {
                    let found: Vec<commission::Row> = rows(answer)?;
                    levels = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::Refund => {
                    let found: Vec<refund::Row> = rows(answer)?;
                    state.refund = found.into_iter().next().map(TryInto::try_into).transpose()?;
                }
                Subject::Parked => {
                    let found: Vec<refund::ParkedRow> = rows(answer)?;
                    state.parked = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::Commissions => {
                    let found: Vec<commission::Row> = rows(answer)?;
                    commissions = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::SalesOfReferral => {
                    let found: Vec<conversion::Row> = rows(answer)?;
                    sales = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::Rates => {
                    let found: Vec<exchange_rate::Row> = rows(answer)?;
                    state.rates = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                }
                Subject::SameAddress => {
                    let found: Vec<counted::Count> = rows(answer)?;
                    state.same_address = found.first().map(|row| row.count);
                }
                Subject::Claims => {
                    let found: Vec<counted::ClaimsRow> = rows(answer)?;
                    state.claims = found.into_iter().next().map(Into::into).unwrap_or_default();
                }
                Subject::KeptAnswer => {
                    let found: Vec<kept_answer::Row> = rows(answer)?;
                    state.kept_answer = found.into_iter().next().map(TryInto::try_into).transpose()?;
                }
            }
        }
        if let Some(sale) = &mut state.sale {
            levels.retain(|level| level.conversion_id.as_ref() == Some(&sale.conversion.id));
            sale.levels = levels;
        }
        let conversion_of = |commission: &Commission| {
            let sale = sales.iter().find(|sale| Some(&sale.conversion.id) == commission.conversion_id.as_ref());
            sale.map(|sale| sale.conversion.clone())
        };
        let with_sale = |commission: Commission| (conversion_of(&commission), commission);
        state.commissions =
            commissions.into_iter().map(with_sale).map(|(sale, commission)| (commission, sale)).collect();
        Ok(state)
    }

    async fn commit(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        let mut writes = Vec::with_capacity(changes.len() + 1);
        for change in changes {
            add_writes(self, scope, change, &mut writes).map_err(|cause| not_committed(&cause))?;
        }
        self.batch(writes).await.map(|_| ()).map_err(|cause| not_committed(&cause))
    }
}

/// What a read is about.
enum Subject {
    Referrals,
    Holders,
    Sale,
    Levels,
    Refund,
    Parked,
    Commissions,
    SalesOfReferral,
    Rates,
    SameAddress,
    Claims,
    KeptAnswer,
}

/// The reads of one query: only those that it asks for.
fn reads(database: &Database, query: &Query) -> worker::Result<Vec<(Subject, D1PreparedStatement)>> {
    let Query { program_id, is_test, .. } = query;
    let referrals = match &query.sale {
        Some(sale) => {
            let (keys, id) = (sale.keys.as_slice(), sale.id.as_ref());
            referral::select_with_sale(database, &query.referrals, program_id, *is_test, keys, id)?
        }
        None => referral::select(database, &query.referrals)?,
    };
    let mut reads = vec![(Subject::Referrals, referrals)];
    if !query.identities.is_empty() {
        let select = referral::select_holders(database, program_id, *is_test, &query.identities)?;
        reads.push((Subject::Holders, select));
    }
    if let Some(sale) = &query.sale {
        let (keys, id) = (sale.keys.as_slice(), sale.id.as_ref());
        reads.push((Subject::Sale, conversion::select_recorded(database, program_id, *is_test, keys, id)?));
        reads.push((Subject::Levels, commission::select_levels(database, program_id, *is_test, keys, id)?));
    }
    let refund_key = query.refund.as_ref().and_then(|(key, _)| key.as_deref());
    if let Some((_, id)) = &query.refund {
        reads.push((Subject::Refund, refund::select(database, program_id, *is_test, refund_key, id)?));
    }
    if !query.parked_for.is_empty() || refund_key.is_some() {
        let select = refund::select_parked(database, program_id, *is_test, &query.parked_for, refund_key)?;
        reads.push((Subject::Parked, select));
    }
    if let Some(id) = &query.commissions_of {
        reads.push((Subject::Commissions, commission::select_of_referral(database, id)?));
        reads.push((Subject::SalesOfReferral, conversion::select_of_referral(database, id)?));
    }
    if let Some(wanted) = &query.rates {
        reads.push((Subject::Rates, exchange_rate::select_quotes(database, wanted)?));
    }
    if let Some(wanted) = &query.same_address {
        reads.push((Subject::SameAddress, counted::select_same_address(database, *is_test, wanted)?));
    }
    if let Some(wanted) = &query.claims {
        reads.push((Subject::Claims, counted::select_claims(database, *is_test, wanted)?));
    }
    if let Some(key) = &query.kept_answer {
        reads.push((Subject::KeptAnswer, kept_answer::select(database, key)?));
    }
    Ok(reads)
}

fn add_writes(
    database: &Database,
    scope: &Scope,
    change: &Change,
    writes: &mut Vec<D1PreparedStatement>,
) -> worker::Result<()> {
    match change {
        Change::InsertReferral(row) => writes.push(referral::insert(database, row)?),
        Change::UpdateReferral(row) => writes.push(referral::update(database, row)?),
        Change::ClaimIdentity(id, identity) => writes.push(referral::claim(database, scope, id, identity)?),
        Change::ReleaseIdentity(id, identity) => writes.push(referral::release(database, scope, id, identity)?),
        Change::DeclineLeadCommission(id, at) => writes.push(commission::decline_of_lead(database, id, *at)?),
        Change::InsertConversion(row) => {
            writes.push(conversion::insert(database, row)?);
            if let Some(key) = &row.sale_key {
                writes.push(conversion::claim_key(database, row, key)?);
                writes.push(unattributed_sale::forget(database, scope, key)?);
            }
        }
        Change::ClaimSaleKey(row, key) => {
            writes.push(conversion::claim_key(database, row, key)?);
            writes.push(unattributed_sale::forget(database, scope, key)?);
        }
        Change::UpdateConversion(row) => writes.push(conversion::update(database, row)?),
        Change::UpdateCommission(row) => writes.push(commission::update(database, row)?),
        Change::Reassign(id, affiliate, commissions) => {
            writes.extend(commission::reassign(database, id, affiliate, commissions)?);
        }
        Change::AddPayoutLine(row) => writes.push(payout::add_line(database, row)?),
        Change::InsertRefund(row) => writes.push(refund::insert(database, row)?),
        Change::ParkRefund(row) => writes.push(refund::park(database, row)?),
        Change::SettleRefund(row) => writes.push(refund::settle(database, &row.id)?),
        Change::InsertCommission(row) => writes.push(commission::insert(database, row)?),
        Change::EraseTraces(id, at) => writes.extend(erasure::traces(database, scope, id, *at)?),
        Change::KeepAnswer(key, answer) => writes.push(kept_answer::insert(database, key, answer)?),
        Change::AppendEvent(row) => writes.push(event::insert(database, scope, row)?),
    }
    Ok(())
}

fn not_committed(cause: &worker::Error) -> NotCommitted {
    NotCommitted(cause.to_string())
}
