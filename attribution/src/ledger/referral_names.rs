//! What the customer of a referral is known by, as a change leaves it: names set, cleared, learnt from a call that knows
//! them, freed and taken back. Source: design, section 1 (who a customer is); docs/rules.md, sections 7 and 10.

use super::View;
use super::edit_referral::reach;
use super::outcome::Rejection;
use super::requests::EditReferral;
use crate::edits::Edit;
use crate::email::EmailHasher;
use crate::ids::ReferralId;
use crate::program::Program;
use crate::referral::{Identity, Referral};

/// The referrals that the call names by id, the gate's own first.
pub(super) fn named_referrals(command: &EditReferral) -> Vec<ReferralId> {
    let others = command.same_as.iter().filter(|id| **id != command.referral_id);
    std::iter::once(&command.referral_id).chain(others).cloned().collect()
}

/// The names that the change gives the customer, or a release takes back, which nobody else may hold; and those that the
/// caller knows them by.
pub(super) fn identities(command: &EditReferral, program: &Program, hasher: &EmailHasher) -> Vec<Identity> {
    let set = |field: &Edit<String>| field.as_set().cloned();
    let email = command.email.as_set().and_then(|email| hasher.kept(email, program.email_policy, true));
    let named = [
        set(&command.external_user_id).map(Identity::external_user_id),
        set(&command.customer_id).map(Identity::customer_id),
        set(&command.subscription_id).map(Identity::subscription_id),
        email.map(|email| Identity::email_hash(email.hash)),
    ];
    let others = command.names_to_take_back.iter().chain(&command.known_as).cloned();
    named.into_iter().flatten().chain(others).collect()
}

/// The names that a change takes and gives back.
pub(super) struct Names {
    /// Those that it gets, or takes back.
    pub gained: Vec<Identity>,
    /// Those that it gives up, or that are freed.
    pub lost: Vec<Identity>,
}

impl Names {
    /// A referral that does not stand holds none.
    pub fn of(before: &Referral, after: &Referral) -> Self {
        let held = |referral: &Referral| {
            if referral.status.holds_identities() { referral.identities() } else { Vec::new() }
        };
        let (old, new) = (held(before), held(after));
        Self {
            gained: new.iter().filter(|name| !old.contains(name)).cloned().collect(),
            lost: old.into_iter().filter(|name| !new.contains(name)).collect(),
        }
    }

    /// What the referral gets is nobody else's.
    pub fn check(&self, before: &Referral, view: &View<'_>) -> Result<(), Rejection> {
        let is_anothers = |name: &&Identity| view.state.holder(name).is_some_and(|holder| holder.id != before.id);
        match self.gained.iter().find(is_anothers) {
            Some(taken) => Err(Rejection::IdentityTaken { identity: taken.clone() }),
            None => Ok(()),
        }
    }

    /// The kinds of names, for the history: the names themselves are the customer's own.
    pub fn kinds(names: &[Identity]) -> Vec<&'static str> {
        names.iter().map(|name| name.kind.as_str()).collect()
    }
}

/// Everything by which the call names the customer is this referral's, or nobody's.
pub(super) fn check_agreement(command: &EditReferral, before: &Referral, view: &View<'_>) -> Result<(), Rejection> {
    let by_id = command.same_as.iter().filter_map(|id| view.state.referral(id));
    let by_id = by_id.filter(|referral| reach(command, referral).is_ok());
    let by_name = command.known_as.iter().filter_map(|name| view.state.holder(name));
    match by_id.chain(by_name).find(|referral| referral.id != before.id) {
        Some(other) => Err(Rejection::IdentifiersDisagree { first: before.id.clone(), second: other.id.clone() }),
        None => Ok(()),
    }
}

/// The referral with what it is called now.
pub(super) fn named(command: &EditReferral, before: &Referral, view: &View<'_>) -> Referral {
    let mut after = before.clone();
    command.external_user_id.clone().apply(&mut after.external_user_id);
    command.customer_id.clone().apply(&mut after.customer_id);
    command.subscription_id.clone().apply(&mut after.subscription_id);
    command.metadata.clone().apply(&mut after.metadata);
    if view.program.name_tracking || command.name == Edit::Clear {
        command.name.clone().apply(&mut after.name);
    }
    match command.email.as_set().map(|email| view.hasher.kept(email, view.program.email_policy, true)) {
        Some(kept) => after.email = kept.or(after.email),
        None if command.email == Edit::Clear => after.email = None,
        None => {}
    }
    // A further name that becomes the name is no further name any more.
    let named = Referral { aliases: Vec::new(), ..after.clone() }.identities();
    after.aliases.retain(|alias| !named.contains(alias));
    after
}

/// Names that nobody holds become the referral's, as far as it stands for its customer.
pub(super) fn learn(command: &EditReferral, after: &mut Referral, view: &View<'_>) {
    for name in &command.known_as {
        let is_new = view.state.holder(name).is_none() && !after.identities().contains(name);
        if is_new && after.status.holds_identities() && after.has_room() {
            after.learn(name, None);
        }
    }
}
