//! What the dialects ask of the funnel, and what they get.

use attribution::event_id::EventId;
use attribution::ledger::{Context, IdempotencyKey};
use attribution::money::{Currency, Money};
use attribution::program::Affiliate;
use attribution::referral::Scope;
use attribution::sale::{ParkedRefund, RecordedSale, SaleDetails, SaleRefund};
use attribution::status::SalesStatus;
use attribution::time::Timestamp;
use serde_json::{Map, Value};

/// A visit to be recorded.
pub struct Visit {
    /// Who is credited.
    pub affiliate: Affiliate,
    /// Whether it is a test row.
    pub is_test: bool,
    /// When it was, where that is not now.
    pub clicked_at: Option<Timestamp>,
    /// Everything else that was sent.
    pub facts: Map<String, Value>,
    /// The visitor's address: kept as a keyed hash only.
    pub ip: Option<String>,
    /// The visitor's country.
    pub country: Option<String>,
    /// The key under which a repeat of the call finds the click.
    pub idempotency: Option<IdempotencyKey>,
    /// The browser's name for the landing: a repeat of it is the same click.
    pub event_id: Option<EventId>,
}

/// A sale to be recorded.
pub struct NewSale {
    /// Who asks.
    pub context: Context,
    /// The caller's program.
    pub scope: Scope,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// The key by which the same sale is recognised.
    pub sale_key: Option<String>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Identifiers, products and the rest, as the caller sent them.
    pub details: SaleDetails,
    /// Whether it is only tried: answered, and nothing written.
    pub dry_run: bool,
}

/// A refund to be recorded.
pub struct NewRefund {
    /// Who asks.
    pub context: Context,
    /// The caller's program.
    pub scope: Scope,
    /// The sale: its id or its key.
    pub sale: String,
    /// What is paid back; `None` for all that remains.
    pub amount: Option<Money>,
    /// The currency that the caller names, also without an amount.
    pub currency: Option<Currency>,
    /// The key by which the same refund is recognised.
    pub refund_key: Option<String>,
    /// Whether that key with another amount is refused.
    pub refuses_other_body: bool,
    /// Whether the refund may wait for its sale.
    pub may_wait: bool,
    /// Why, as the caller says it.
    pub reason: Option<String>,
    /// When it was paid back, where that is not now.
    pub refunded_at: Option<Timestamp>,
}

/// What came of a refund.
pub enum RefundAnswer {
    /// The sale after it; without a refund where nothing was left to pay back.
    Refunded {
        /// As stored.
        sale: Box<RecordedSale>,
        /// As stored.
        refund: Option<Box<SaleRefund>>,
    },
    /// It waits for its sale.
    Waits(Box<ParkedRefund>),
}

/// What came of a call.
pub struct Recorded<T> {
    /// As stored.
    pub row: T,
    /// Whether this call recorded it, or, replayed, the call that it repeats.
    pub is_new: bool,
    /// Whether this is the answer to an earlier call with the same `Idempotency-Key`, or `event_id`.
    pub replayed: bool,
}
