//! The ledger's [`Store`] on D1: one read of everything that a command needs, one batch of everything that it changes.
//!
//! A batch is one transaction. What fails it: a `seq` that has moved on, a taken identity or sale key, a rules version
//! that has moved on, the database itself. The protocol treats all of them alike and reads again, so no error text is
//! interpreted here.

use attribution::ledger::{Change, NotCommitted, Query, State, Store, Unavailable};
use attribution::referral::Scope;
use worker::D1PreparedStatement;

use super::{Database, away, commission, conversion, event, kept_answer, referral, rows, unattributed_sale};

impl Store for Database {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        let reads = reads(self, query).map_err(|cause| away(&cause))?;
        let (subjects, statements): (Vec<_>, Vec<_>) = reads.into_iter().unzip();
        let answers = self.batch(statements).await.map_err(|cause| away(&cause))?;
        let mut state = State::default();
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
                Subject::KeptAnswer => {
                    let found: Vec<kept_answer::Row> = rows(answer)?;
                    state.kept_answer = found.into_iter().next().map(TryInto::try_into).transpose()?;
                }
            }
        }
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
    KeptAnswer,
}

/// The reads of one query: only those that it asks for.
fn reads(database: &Database, query: &Query) -> worker::Result<Vec<(Subject, D1PreparedStatement)>> {
    let Query { program_id, is_test, .. } = query;
    let mut reads = vec![(Subject::Referrals, referral::select(database, &query.referrals)?)];
    if !query.identities.is_empty() {
        let select = referral::select_holders(database, program_id, *is_test, &query.identities)?;
        reads.push((Subject::Holders, select));
    }
    if let Some(id) = &query.conversion_id {
        let select = conversion::select_recorded(database, program_id, *is_test, query.sale_key.as_deref(), id)?;
        reads.push((Subject::Sale, select));
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
        Change::InsertCommission(row) => writes.push(commission::insert(database, row)?),
        Change::KeepAnswer(key, answer) => writes.push(kept_answer::insert(database, key, answer)?),
        Change::AppendEvent(row) => writes.push(event::insert(database, scope, row)?),
    }
    Ok(())
}

fn not_committed(cause: &worker::Error) -> NotCommitted {
    NotCommitted(cause.to_string())
}
