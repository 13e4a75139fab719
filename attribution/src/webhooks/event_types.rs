//! Which messages there are, and which of them an endpoint wants. Source: the dialect's reference, section 1.13.

/// Every type that a message can have.
pub const EVENT_TYPES: [&str; 22] = [
    "referral.lead",
    "referral.converted",
    "referral.updated",
    "referral.deleted",
    "transaction.created",
    "transaction.updated",
    "transaction.approved",
    "transaction.paid",
    "transaction.rejected",
    "transaction.deleted",
    "affiliate.created",
    "affiliate.confirmed",
    "affiliate.updated",
    "affiliate.deleted",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.deleted",
    "coupon.created",
    "coupon.updated",
    "ping",
];

/// Stands for all of them, also those that are added later.
const EVERYTHING: &str = "*";

/// The types that an endpoint wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter(Vec<String>);

/// Types that there are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEventTypes(pub Vec<String>);

impl EventFilter {
    /// Wants everything.
    pub fn everything() -> Self {
        Self(vec![EVERYTHING.to_owned()])
    }

    /// Takes types as they were given; none, or `*` among them, means everything. Repeated ones count once.
    pub fn new(types: Vec<String>) -> Result<Self, UnknownEventTypes> {
        let is_known = |kind: &String| kind == EVERYTHING || EVENT_TYPES.contains(&kind.as_str());
        let unknown: Vec<String> = types.iter().filter(|kind| !is_known(kind)).cloned().collect();
        if !unknown.is_empty() {
            return Err(UnknownEventTypes(unknown));
        }
        if types.is_empty() || types.iter().any(|kind| kind == EVERYTHING) {
            return Ok(Self::everything());
        }
        let mut wanted: Vec<String> = Vec::with_capacity(types.len());
        for kind in types {
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        Ok(Self(wanted))
    }

    /// Takes types as they were stored; one that is not known any more wants nothing.
    pub fn stored(types: Vec<String>) -> Self {
        Self(types)
    }

    /// The types as they are shown and stored.
    pub fn types(&self) -> &[String] {
        &self.0
    }

    /// Whether a message of this type is wanted.
    pub fn wants(&self, kind: &str) -> bool {
        self.0.iter().any(|wanted| wanted == EVERYTHING || wanted == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(types: &[&str]) -> Result<EventFilter, UnknownEventTypes> {
        EventFilter::new(types.iter().map(|kind| (*kind).to_owned()).collect())
    }

    #[test]
    fn no_types_and_a_star_want_everything() {
        for types in [&[][..], &["*"], &["referral.lead", "*"]] {
            let filter = filter(types).unwrap();
            assert_eq!(filter.types(), ["*"]);
            assert!(filter.wants("referral.lead") && filter.wants("something.new"));
        }
    }

    #[test]
    fn a_list_wants_what_it_names() {
        let filter = filter(&["referral.lead", "transaction.created", "referral.lead"]).unwrap();
        assert_eq!(filter.types(), ["referral.lead", "transaction.created"]);
        assert!(filter.wants("transaction.created"));
        assert!(!filter.wants("transaction.paid"));
        assert!(!filter.wants("referral"));
    }

    #[test]
    fn unknown_types_are_named() {
        let problem = filter(&["referral.lead", "referral.lost", "Ping"]).unwrap_err();
        assert_eq!(problem.0, ["referral.lost", "Ping"]);
    }
}
