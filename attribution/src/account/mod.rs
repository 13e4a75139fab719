//! An affiliate's account: all that their program's owner keeps of them, and what may become of it.
//!
//! The rules of money read a part of it ([`crate::program::Affiliate`]); whatever changes that part must raise the
//! version of the program's rules ([`Account::is_read_alike`]). Deleted is a state: what was earned stays theirs, their
//! links end, and their tracking id is never given to anybody else.

mod edit;
mod line;
mod tracking_id;

use serde_json::{Map, Value};

use crate::email::{EmailAddress, EmailHasher};
use crate::ids::{AffiliateId, GroupId, ProgramId, Random, TeamId};
use crate::status::{Partnership, PayoutMethod};
use crate::time::Timestamp;

pub use self::edit::AccountEdit;
pub use self::tracking_id::TrackingId;

/// Where accounts that were made by a call say that they come from.
const FROM_API: &str = "api";

/// All that is kept of an affiliate.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Their id.
    pub id: AffiliateId,
    /// The program's owner.
    pub team_id: TeamId,
    /// The program.
    pub program_id: ProgramId,
    /// The group whose incentives they earn by.
    pub group_id: Option<GroupId>,
    /// What stands in their links.
    pub tracking_id: String,
    /// For people.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// Its keyed hash, to recognise self-referrals.
    pub email_hash: Option<String>,
    /// Whether they may take part.
    pub partnership: Partnership,
    /// Who brought them into the program.
    pub recruited_by: Option<AffiliateId>,
    /// How they came here.
    pub source: Option<String>,
    /// What no rule reads.
    pub particulars: Particulars,
    /// When they came.
    pub created_at: Timestamp,
    /// When they were last edited; later with every edit, so that it tells two of them apart.
    pub updated_at: Option<Timestamp>,
    /// When they were removed.
    pub deleted_at: Option<Timestamp>,
}

/// What is kept of an affiliate and read by no rule of money. The user id tells self-referrals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Particulars {
    /// Whether they have answered what they were asked at the beginning.
    pub onboarding_completed: bool,
    /// The owner's own user.
    pub external_user_id: Option<String>,
    /// The owner's JSON.
    pub metadata: Option<Value>,
    /// For invoices.
    pub company_name: Option<String>,
    /// For invoices: two letters of ISO 3166.
    pub country_code: Option<String>,
    /// How they want to be paid; `None` while they have not said.
    pub payout_method: Option<PayoutMethod>,
    /// Where to, by the names of the published fields.
    pub payout_details: Option<Map<String, Value>>,
}

/// What an owner says of a new affiliate.
#[derive(Clone, Debug)]
pub struct Opening {
    /// For people.
    pub name: String,
    /// Their address.
    pub email: EmailAddress,
    /// What is to stand in their links; made from the name where it is `None`.
    pub tracking_id: Option<TrackingId>,
    /// The program's default group where it is `None`.
    pub group_id: Option<GroupId>,
    /// Who brought them.
    pub recruited_by: Option<AffiliateId>,
    /// The rest.
    pub particulars: Particulars,
}

/// What is around an account that is about to be written.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The program's default group.
    pub default_group: Option<GroupId>,
    /// Whether the account's group is one of the program.
    pub has_group: bool,
    /// What of the account is somebody else's.
    pub taken: Vec<Unique>,
    /// Who is to have brought them, who brought that one, and so on; empty where that is nobody of the program.
    pub recruiters: Vec<AffiliateId>,
}

/// Why an account cannot be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// The program has no such group.
    NoSuchGroup,
    /// The program has no such affiliate to have brought them.
    NoSuchRecruiter,
    /// They would have brought themselves, perhaps through others.
    RecruitedByThemselves,
    /// Somebody else has this of it.
    Taken(Unique),
}

/// What no two affiliates of a program share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// What stands in their links; also with those who were deleted.
    TrackingId,
    /// The address, in either case.
    Email,
    /// The owner's own user.
    ExternalUserId,
}

impl Account {
    /// A new account: approved, since its owner asks for it.
    pub fn open(
        owner: (TeamId, ProgramId),
        opening: Opening,
        hasher: &EmailHasher,
        random: &mut impl Random,
        now: Timestamp,
    ) -> Self {
        let (team_id, program_id) = owner;
        let tracking_id = opening.tracking_id.unwrap_or_else(|| TrackingId::mint(&opening.name, random));
        Self {
            id: AffiliateId::mint(random),
            team_id,
            program_id,
            group_id: opening.group_id,
            tracking_id: tracking_id.into_text(),
            name: opening.name,
            email_hash: Some(hasher.hash(&opening.email)),
            email: Some(opening.email.as_str().to_owned()),
            partnership: Partnership::Approved,
            recruited_by: opening.recruited_by,
            source: Some(FROM_API.to_owned()),
            particulars: opening.particulars,
            created_at: now,
            updated_at: None,
            deleted_at: None,
        }
    }

    /// A new account in its place: in the program's default group unless it has one; or why it can have none.
    pub fn placed(mut self, surroundings: &Surroundings) -> Result<Self, AccountRefusal> {
        self.admit(surroundings)?;
        self.group_id = self.group_id.or_else(|| surroundings.default_group.clone());
        Ok(self)
    }

    /// Whether the program may have this account beside those that it has.
    pub fn admit(&self, surroundings: &Surroundings) -> Result<(), AccountRefusal> {
        if self.group_id.is_some() && !surroundings.has_group {
            return Err(AccountRefusal::NoSuchGroup);
        }
        if self.recruited_by.is_some() && surroundings.recruiters.is_empty() {
            return Err(AccountRefusal::NoSuchRecruiter);
        }
        if surroundings.recruiters.contains(&self.id) {
            return Err(AccountRefusal::RecruitedByThemselves);
        }
        match surroundings.taken.first() {
            Some(taken) => Err(AccountRefusal::Taken(*taken)),
            None => Ok(()),
        }
    }

    /// Whether the rules of money read the same of both, so that no decision is any different.
    pub fn is_read_alike(&self, other: &Self) -> bool {
        self.group_id == other.group_id
            && self.tracking_id == other.tracking_id
            && self.email_hash == other.email_hash
            && self.partnership == other.partnership
            && self.recruited_by == other.recruited_by
            && self.particulars.external_user_id == other.particulars.external_user_id
            && self.deleted_at == other.deleted_at
    }
}

#[cfg(test)]
mod tests;
