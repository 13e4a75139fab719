//! What lists and objects of money can be shown with (`expand`): the affiliate, their program, the customer's referral.
//! Each is read for all rows of an answer at once; what was deleted is null.

use attribution::ids::{AffiliateId, ProgramId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::status::ReferralStatus;
use serde_json::Value;

use super::{affiliates, program, views};
use crate::funnel::Funnel;
use crate::store::{account, program_settings, referral};

/// What can be shown beside a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// Who earns, or is credited.
    Affiliate,
    /// The program.
    AffiliateProgram,
    /// The customer.
    Referral,
}

/// Whom a row names.
pub struct Names {
    /// Who earns, or is credited.
    pub affiliate_id: AffiliateId,
    /// The customer.
    pub referral_id: ReferralId,
}

/// The rows of one program as they are shown, each with what it names.
pub async fn expand(
    funnel: &Funnel,
    scope: &Scope,
    expansions: &[Expansion],
    rows: Vec<(Value, Names)>,
) -> Result<Vec<Value>, Unavailable> {
    let beside = Beside::read(funnel, scope, expansions, &rows).await?;
    let with_beside = |(mut shown, names): (Value, Names)| {
        if let Some(fields) = shown.as_object_mut() {
            beside.add_to(fields, &names, expansions);
        }
        shown
    };
    Ok(rows.into_iter().map(with_beside).collect())
}

/// What was read to be shown.
#[derive(Default)]
struct Beside {
    affiliates: Vec<(AffiliateId, Value)>,
    referrals: Vec<(ReferralId, Value)>,
    program: Value,
}

impl Beside {
    async fn read(
        funnel: &Funnel,
        scope: &Scope,
        expansions: &[Expansion],
        rows: &[(Value, Names)],
    ) -> Result<Self, Unavailable> {
        let mut beside = Self::default();
        if rows.is_empty() {
            return Ok(beside);
        }
        if expansions.contains(&Expansion::Affiliate) {
            beside.affiliates = affiliates_of(funnel, &scope.program_id, rows).await?;
        }
        if expansions.contains(&Expansion::Referral) {
            beside.referrals = referrals_of(funnel, scope, rows).await?;
        }
        if expansions.contains(&Expansion::AffiliateProgram) {
            let profile = program_settings::profile::find(&funnel.database, &scope.program_id).await?;
            beside.program = program::view(&profile);
        }
        Ok(beside)
    }

    fn add_to(&self, fields: &mut serde_json::Map<String, Value>, names: &Names, expansions: &[Expansion]) {
        for expansion in expansions {
            let (name, value) = match expansion {
                Expansion::Affiliate => ("affiliate", named(&self.affiliates, &names.affiliate_id)),
                Expansion::Referral => ("referral", named(&self.referrals, &names.referral_id)),
                Expansion::AffiliateProgram => ("affiliate_program", self.program.clone()),
            };
            fields.insert(name.to_owned(), value);
        }
    }
}

fn named<T: PartialEq>(known: &[(T, Value)], id: &T) -> Value {
    known.iter().find(|(one, _)| one == id).map_or(Value::Null, |(_, shown)| shown.clone())
}

async fn affiliates_of(
    funnel: &Funnel,
    program: &ProgramId,
    rows: &[(Value, Names)],
) -> Result<Vec<(AffiliateId, Value)>, Unavailable> {
    let ids: Vec<&AffiliateId> = rows.iter().map(|(_, names)| &names.affiliate_id).collect();
    let accounts = account::find_all(&funnel.database, program, &ids).await?;
    Ok(accounts.iter().map(|account| (account.id.clone(), affiliates::affiliate(account))).collect())
}

async fn referrals_of(
    funnel: &Funnel,
    scope: &Scope,
    rows: &[(Value, Names)],
) -> Result<Vec<(ReferralId, Value)>, Unavailable> {
    let ids: Vec<ReferralId> = rows.iter().map(|(_, names)| names.referral_id.clone()).collect();
    let mut referrals = referral::find_all(&funnel.database, &ids).await?;
    referrals.retain(|one| one.scope == *scope && one.status != ReferralStatus::Deleted);
    Ok(referrals.iter().map(|one| (one.id.clone(), views::referral(one))).collect())
}
