//! Edits at the edge: what a person changes of a commission or of a referral.
//!
//! Keeps no state.

use attribution::edits::Edit;
use attribution::email::EmailAddress;
use attribution::fixtures;
use attribution::ids::ReferralId;
use attribution::ledger::{Command, EditCommission, EditReferral, Milestone, Rejection};
use attribution::referral::{Identity, Referral};
use serde_json::Map;

use crate::body::{Body, ReferralChange};
use crate::crash_point::CrashPoint;
use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming};
use crate::history::Told;

impl Edge {
    /// Carries out one attempt of a change of a commission.
    pub(crate) async fn edit_commission(&self, incoming: &Incoming<'_>) -> Told {
        let Body::EditCommission { referral, commission, edit } = incoming.body else {
            return Told::TryLater("no commission".to_owned());
        };
        let command = EditCommission {
            context: incoming.context(true),
            gate: referral.clone(),
            scope: fixtures::scope(),
            commission_id: commission.clone(),
            edit: edit.clone(),
        };
        let told = self.execute(incoming, Command::EditCommission(command)).await;
        if told == Told::Rejected(Rejection::CommissionPaidOut) {
            self.scene.hit(CrashPoint::EditMeetsPayout);
        }
        told
    }

    /// Carries out one attempt of a change of a referral. What a release takes back is what the referral was known by when
    /// it was read; read anew where that was no longer so.
    pub(crate) async fn edit_referral(&self, incoming: &Incoming<'_>) -> Told {
        let Body::EditReferral { referral, change } = incoming.body else {
            return Told::TryLater("no referral".to_owned());
        };
        let mut names = None;
        loop {
            let read = match self.names_to_take_back(referral).await {
                Ok(read) => Some(read),
                Err(away) => return Told::TryLater(away),
            };
            let is_news = read != names;
            names = read;
            let command = edit(incoming, referral, change, names.clone().unwrap_or_default());
            let told = self.execute(incoming, Command::EditReferral(command)).await;
            if matches!(told, Told::Rejected(Rejection::IdentityTaken { .. })) {
                self.scene.hit(CrashPoint::ReleaseFindsNamesTaken);
            }
            if !is_news || !matches!(told, Told::TryLater(_)) {
                return told;
            }
        }
    }

    async fn names_to_take_back(&self, referral: &ReferralId) -> Result<Vec<Identity>, String> {
        let wanted = referral.clone();
        let look_up = move |database: &Database| {
            let rows = database.rows();
            let freed = rows.referrals.get(&wanted).filter(|referral| !referral.status.holds_identities());
            Ok(freed.map(Referral::identities).unwrap_or_default())
        };
        self.database.request(None, Kind::Read, look_up).await
    }
}

fn edit(
    incoming: &Incoming<'_>,
    referral: &ReferralId,
    change: &ReferralChange,
    names_to_take_back: Vec<Identity>,
) -> EditReferral {
    let of = EditReferral::of(incoming.context(true), referral.clone(), fixtures::scope());
    let nothing = EditReferral { names_to_take_back, ..of };
    match change.clone() {
        ReferralChange::Status(status) => EditReferral { status: Some(status), ..nothing },
        ReferralChange::Reassign(to) => EditReferral { reassignment: Some(to), ..nothing },
        ReferralChange::Names { user, customer, email } => EditReferral {
            external_user_id: user,
            customer_id: customer,
            email: email.as_deref().and_then(EmailAddress::parse).map_or(Edit::Keep, Edit::Set),
            ..nothing
        },
        ReferralChange::Milestone => {
            let milestone = Milestone { name: "renewed".to_owned(), moves_to: None, detail: Map::new() };
            EditReferral { milestone: Some(milestone), ..nothing }
        }
    }
}
