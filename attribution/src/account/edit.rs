//! Edits of an account, and its end.

use serde_json::{Map, Value};

use super::{Account, Particulars};
use crate::edits::Edit;
use crate::email::{EmailAddress, EmailHasher};
use crate::ids::{AffiliateId, GroupId};
use crate::status::{Partnership, PayoutMethod};
use crate::time::Timestamp;

/// What an owner changes of an affiliate. `None` keeps, where there is no emptying.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountEdit {
    /// For people.
    pub name: Option<String>,
    /// Their address.
    pub email: Option<EmailAddress>,
    /// Their group; without one they earn by incentives of their own only.
    pub group_id: Edit<GroupId>,
    /// Who brought them.
    pub recruited_by: Edit<AffiliateId>,
    /// Whether they may take part.
    pub partnership: Option<Partnership>,
    /// Whether they have answered what they were asked.
    pub onboarding_completed: Option<bool>,
    /// The owner's own user.
    pub external_user_id: Edit<String>,
    /// The owner's JSON.
    pub metadata: Edit<Value>,
    /// For invoices.
    pub company_name: Edit<String>,
    /// For invoices.
    pub country_code: Edit<String>,
    /// How they want to be paid. Another method without details empties those of the one before.
    pub payout_method: Option<PayoutMethod>,
    /// Where to: all of it.
    pub payout_details: Option<Map<String, Value>>,
}

impl Account {
    /// The account after an edit; `None` where it is so already.
    pub fn edited(&self, edit: AccountEdit, hasher: &EmailHasher, now: Timestamp) -> Option<Self> {
        let mut edited = self.clone();
        if let Some(name) = edit.name {
            edited.name = name;
        }
        if let Some(email) = edit.email {
            edited.email_hash = Some(hasher.hash(&email));
            edited.email = Some(email.as_str().to_owned());
        }
        edit.group_id.apply(&mut edited.group_id);
        edit.recruited_by.apply(&mut edited.recruited_by);
        edited.partnership = edit.partnership.unwrap_or(edited.partnership);
        let particulars = &mut edited.particulars;
        particulars.onboarding_completed = edit.onboarding_completed.unwrap_or(particulars.onboarding_completed);
        edit.external_user_id.apply(&mut particulars.external_user_id);
        edit.metadata.apply(&mut particulars.metadata);
        edit.company_name.apply(&mut particulars.company_name);
        edit.country_code.apply(&mut particulars.country_code);
        particulars.set_payout(edit.payout_method, edit.payout_details);
        (edited != *self).then(|| edited.stamped(now))
    }

    /// The account after its end: rejected, so that nothing is earned any more.
    #[must_use]
    pub fn deleted(&self, now: Timestamp) -> Self {
        let deleted = Self { partnership: Partnership::Rejected, deleted_at: Some(now), ..self.clone() };
        deleted.stamped(now)
    }

    /// Edited now, or a millisecond after the last edit: no two edits share their moment.
    fn stamped(mut self, now: Timestamp) -> Self {
        let after_last = self.updated_at.map(|last| Timestamp::from_milliseconds(last.milliseconds() + 1));
        self.updated_at = Some(after_last.map_or(now, |earliest| earliest.max(now)));
        self
    }
}

impl Particulars {
    /// Another way of being paid; details of one way are none of another's.
    fn set_payout(&mut self, method: Option<PayoutMethod>, details: Option<Map<String, Value>>) {
        if let Some(method) = method {
            let wanted = Some(method).filter(|method| *method != PayoutMethod::None);
            if wanted != self.payout_method {
                self.payout_details = None;
            }
            self.payout_method = wanted;
        }
        if let Some(details) = details {
            self.payout_details = Some(details).filter(|details| !details.is_empty());
        }
    }
}
