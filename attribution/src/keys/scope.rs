//! What a key may do: scopes, under the names that the Affonso dialect publishes. Where it publishes none for a resource
//! (program, webhooks, coupons, rates, keys), they follow its pattern. A `write:` scope does not include the `read:` one.

use serde::{Deserialize, Serialize};

/// One thing that a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum KeyScope {
    /// See affiliates and their overrides.
    ReadAffiliates,
    /// Make, change and remove them.
    WriteAffiliates,
    /// See referrals.
    ReadReferrals,
    /// Make and change them.
    WriteReferrals,
    /// Remove them.
    DeleteReferrals,
    /// Record clicks.
    CreateClicks,
    /// See sales, commissions and refunds.
    ReadCommissions,
    /// Record and change them.
    WriteCommissions,
    /// Remove commissions.
    DeleteCommissions,
    /// See payouts.
    ReadPayouts,
    /// Make and change them.
    WritePayouts,
    /// See the program's settings, groups and incentives.
    ReadProgram,
    /// Change them.
    WriteProgram,
    /// See webhook endpoints and their deliveries.
    ReadWebhooks,
    /// Make, change and remove them.
    WriteWebhooks,
    /// See coupons.
    ReadCoupons,
    /// Make and remove them.
    WriteCoupons,
    /// See rates of exchange.
    ReadRates,
    /// Set the team's own.
    WriteRates,
    /// See keys, never their secrets.
    ReadKeys,
    /// Make, replace and disable keys that may do no more than the maker.
    WriteKeys,
}

impl KeyScope {
    /// Every scope, in the order of the published list.
    pub const ALL: [Self; 21] = [
        Self::ReadAffiliates,
        Self::WriteAffiliates,
        Self::ReadReferrals,
        Self::WriteReferrals,
        Self::DeleteReferrals,
        Self::CreateClicks,
        Self::ReadCommissions,
        Self::WriteCommissions,
        Self::DeleteCommissions,
        Self::ReadPayouts,
        Self::WritePayouts,
        Self::ReadProgram,
        Self::WriteProgram,
        Self::ReadWebhooks,
        Self::WriteWebhooks,
        Self::ReadCoupons,
        Self::WriteCoupons,
        Self::ReadRates,
        Self::WriteRates,
        Self::ReadKeys,
        Self::WriteKeys,
    ];

    /// The scope as requests, answers and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadAffiliates => "read:affiliates",
            Self::WriteAffiliates => "write:affiliates",
            Self::ReadReferrals => "read:referrals",
            Self::WriteReferrals => "write:referrals",
            Self::DeleteReferrals => "delete:referrals",
            Self::CreateClicks => "create:clicks",
            Self::ReadCommissions => "read:commissions",
            Self::WriteCommissions => "write:commissions",
            Self::DeleteCommissions => "delete:commissions",
            Self::ReadPayouts => "read:payouts",
            Self::WritePayouts => "write:payouts",
            Self::ReadProgram => "read:program",
            Self::WriteProgram => "write:program",
            Self::ReadWebhooks => "read:webhooks",
            Self::WriteWebhooks => "write:webhooks",
            Self::ReadCoupons => "read:coupons",
            Self::WriteCoupons => "write:coupons",
            Self::ReadRates => "read:rates",
            Self::WriteRates => "write:rates",
            Self::ReadKeys => "read:keys",
            Self::WriteKeys => "write:keys",
        }
    }

    /// The scope with this name; `None` for any other text.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl From<KeyScope> for &'static str {
    fn from(scope: KeyScope) -> Self {
        scope.as_str()
    }
}

/// No scope has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no scope {0}")]
pub struct UnknownScope(String);

impl TryFrom<String> for KeyScope {
    type Error = UnknownScope;

    fn try_from(word: String) -> Result<Self, UnknownScope> {
        Self::from_word(&word).ok_or(UnknownScope(word))
    }
}

/// All that a key may do. As JSON it is the list of scopes, or null for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<Vec<KeyScope>>", into = "Option<Vec<KeyScope>>")]
pub enum Scopes {
    /// Whatever a key of its form can do, also what comes later.
    #[default]
    Everything,
    /// This and no more, in the order of the published list.
    Only(Vec<KeyScope>),
}

impl Scopes {
    /// Whether a key with these may do this.
    pub fn allow(&self, scope: KeyScope) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(scopes) => scopes.contains(&scope),
        }
    }

    /// Whether everything that `other` allows is allowed by these too: a key gives no more than it has.
    pub fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Only(_), Self::Everything) => false,
            (Self::Only(_), Self::Only(scopes)) => scopes.iter().all(|scope| self.allow(*scope)),
        }
    }
}

impl From<Option<Vec<KeyScope>>> for Scopes {
    fn from(scopes: Option<Vec<KeyScope>>) -> Self {
        scopes.map_or(Self::Everything, |mut scopes| {
            scopes.sort_unstable();
            scopes.dedup();
            Self::Only(scopes)
        })
    }
}

impl From<Scopes> for Option<Vec<KeyScope>> {
    fn from(scopes: Scopes) -> Self {
        match scopes {
            Scopes::Everything => None,
            Scopes::Only(scopes) => Some(scopes),
        }
    }
}
