//! Who may call which endpoint. The match names every endpoint, so that a new one is not compiled before it is decided.

use attribution::keys::KeyScope;

use super::{E, Endpoint};

/// What a call needs to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: it is there for everybody, and looks at no key.
    Open,
    /// A signature of a payment provider's, which the route itself checks: no key is looked at.
    Signed,
    /// A page's call, which needs no key and is then counted by its address. A key that it brings needs this scope.
    Browser(KeyScope),
    /// A key with all of these scopes.
    Keyed(&'static [KeyScope]),
}

use Access::{Browser, Keyed, Open, Signed};
use KeyScope as S;

/// What this endpoint needs. Recording sales and what becomes of them is `write:commissions`, as published.
pub(super) fn access(endpoint: Endpoint) -> Access {
    match endpoint {
        // Whatever is the same for everybody.
        E::Health
        // It has a token of its own.
        | E::Metrics
        | E::TrackerFile
        | E::Page(_)
        | E::Demo
        | E::DemoStyle
        | E::DemoScript
        | E::DemoAccount
        | E::DemoPurchase
        | E::DemoLedger => Open,

        E::StripeEvent => Signed,

        E::TrackClick => Browser(S::CreateClicks),
        E::TrackLead => Browser(S::WriteReferrals),

        E::CreateClick | E::TestEvent => Keyed(&[S::CreateClicks]),
        E::CreateSignup | E::CreateReferral | E::UpdateReferral | E::ReassignReferral => Keyed(&[S::WriteReferrals]),
        E::ListReferrals | E::ShowReferral | E::ReferralTimeline => Keyed(&[S::ReadReferrals]),
        E::DeleteReferral | E::EraseCustomer => Keyed(&[S::DeleteReferrals]),

        E::CreateConversion
        | E::UpdateConversion
        | E::RefundConversion
        | E::TrackSale
        | E::TrackRefund
        | E::CreateEvent
        | E::CreateCommission
        | E::UpdateCommission => Keyed(&[S::WriteCommissions]),
        E::ListConversions
        | E::UnattributedSales
        | E::ShowConversion
        | E::ExplainConversion
        | E::PendingRefunds
        | E::ListCommissions
        | E::ShowCommission
        | E::CommissionSummary => Keyed(&[S::ReadCommissions]),
        E::DeleteCommission => Keyed(&[S::DeleteCommissions]),
        // The latest of both, and all that is kept of a customer, what was bought included.
        E::DashboardOverview | E::ExportCustomer => Keyed(&[S::ReadReferrals, S::ReadCommissions]),

        // A line may be about anything that has a history.
        E::ListEvents => Keyed(&[
            S::ReadReferrals,
            S::ReadCommissions,
            S::ReadAffiliates,
            S::ReadPayouts,
            S::ReadProgram,
            S::ReadCoupons,
            S::ReadKeys,
        ]),

        E::ListAffiliates | E::ShowAffiliate | E::ListOverrides | E::ShowOverride => Keyed(&[S::ReadAffiliates]),
        E::CreateAffiliate
        | E::UpdateAffiliate
        | E::DeleteAffiliate
        | E::CreateOverride
        | E::UpdateOverride
        | E::DeleteOverride => Keyed(&[S::WriteAffiliates]),

        E::ListPayouts | E::ShowPayout => Keyed(&[S::ReadPayouts]),
        E::CreatePayouts | E::UpdatePayout => Keyed(&[S::WritePayouts]),
        E::ListCoupons | E::ShowCoupon => Keyed(&[S::ReadCoupons]),
        E::CreateCoupon | E::DeleteCoupon => Keyed(&[S::WriteCoupons]),
        E::LatestRates | E::MissingRates | E::ShowRates => Keyed(&[S::ReadRates]),
        E::SetRates => Keyed(&[S::WriteRates]),
        E::ListKeys | E::ShowKey => Keyed(&[S::ReadKeys]),
        E::CreateKey | E::DeleteKey | E::RotateKey => Keyed(&[S::WriteKeys]),

        E::ListWebhooks | E::ShowWebhook | E::ListDeliveries => Keyed(&[S::ReadWebhooks]),
        E::CreateWebhook
        | E::UpdateWebhook
        | E::DeleteWebhook
        | E::RotateWebhookSecret
        | E::PingWebhook
        | E::ReplayDelivery
        | E::ReplayFailedDeliveries => Keyed(&[S::WriteWebhooks]),

        E::ShowProgram
        | E::ShowFraudRules
        | E::ShowReadiness
        | E::ShowPaymentTerms
        | E::ShowTracking
        | E::ShowRestrictions
        | E::ShowStripe
        | E::ListGroups
        | E::ShowGroup
        | E::ListIncentives
        | E::ShowIncentive
        | E::ShowLevels => Keyed(&[S::ReadProgram]),
        E::UpdateProgram
        | E::UpdateFraudRules
        | E::UpdatePaymentTerms
        | E::UpdateTracking
        | E::UpdateRestrictions
        | E::UpdateStripe
        | E::CreateGroup
        | E::UpdateGroup
        | E::DeleteGroup
        | E::CreateIncentive
        | E::UpdateIncentive
        | E::DeleteIncentive
        | E::ReplaceLevels => Keyed(&[S::WriteProgram]),
    }
}
