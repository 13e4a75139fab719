//! Invoices beside what is recorded under their ids. Pure: it asks nobody.

use std::collections::BTreeMap;
use std::fmt;

use attribution::money::Money;
use attribution::time::Timestamp;
use serde_json::{Value, json};

use super::invoices::{Invoice, number};
use super::recorded::{Known, Recorded};

/// What the provider's invoices have that the ledger has not, and the other way round.
#[derive(Debug, Default)]
pub struct Comparison {
    /// So many are recorded as they were paid.
    pub fine: usize,
    /// Nothing is known of them.
    pub missing: Vec<Invoice>,
    /// Recorded otherwise than paid.
    pub differing: Vec<Difference>,
    /// Recorded, of customers whom nobody referred.
    pub nobodys: Vec<Nobodys>,
}

/// A sale that is not what the provider says.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The id that both know it by.
    pub invoice: String,
    /// The ledger's sale.
    pub conversion: Option<String>,
    /// In what.
    pub field: &'static str,
    /// What the provider says.
    pub paid: Option<Money>,
    /// What the ledger says.
    pub recorded: Money,
}

/// A sale that is recorded as nobody's.
#[derive(Debug, PartialEq, Eq)]
pub struct Nobodys {
    /// Its id.
    pub invoice: String,
    /// The code of the decision.
    pub reason: String,
}

impl Difference {
    /// Whether the provider knows the invoice at all.
    pub fn is_of_invoice(&self) -> bool {
        self.paid.is_some()
    }

    fn reason(&self) -> String {
        let said = |money: Money| format!("{} {}", money.to_fixed(), money.currency.code());
        match self.paid {
            Some(paid) => format!("paid {}, recorded {}", said(paid), said(self.recorded)),
            None => format!("recorded {}, and the provider has no such paid invoice", said(self.recorded)),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "invoice": self.invoice,
            "conversion_id": self.conversion,
            "field": self.field,
            "paid": self.paid.map(number),
            "paid_currency": self.paid.map(|paid| paid.currency.code()),
            "recorded": number(self.recorded),
            "recorded_currency": self.recorded.currency.code(),
            "reason": self.reason(),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}: {}", self.invoice, self.field, self.reason())
    }
}

impl Nobodys {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({ "invoice": self.invoice, "reason": self.reason })
    }
}

/// Compares invoices with what is recorded under their ids. What else is recorded under an invoice's id, of a moment that
/// `covers`, is a difference too.
pub fn compare(
    invoices: Vec<Invoice>,
    mut recorded: BTreeMap<String, Recorded>,
    covers: impl Fn(Timestamp) -> bool,
) -> Comparison {
    let mut comparison = Comparison::default();
    for invoice in invoices {
        let Some(Recorded { amount, known, .. }) = recorded.remove(&invoice.id) else {
            comparison.missing.push(invoice);
            continue;
        };
        let differs = (amount.currency != invoice.paid.currency)
            .then_some("currency")
            .or((amount.minor != invoice.paid.minor).then_some("amount"));
        match (differs, known) {
            (Some(field), known) => comparison.differing.push(Difference {
                invoice: invoice.id,
                conversion: known.conversion(),
                field,
                paid: Some(invoice.paid),
                recorded: amount,
            }),
            (None, Known::Conversion(_)) => comparison.fine += 1,
            (None, Known::Nobodys(reason)) => comparison.nobodys.push(Nobodys { invoice: invoice.id, reason }),
        }
    }
    let strangers = recorded.into_iter().filter(|(key, sale)| key.starts_with("in_") && covers(sale.at));
    comparison.differing.extend(strangers.map(|(invoice, sale)| Difference {
        invoice,
        conversion: sale.known.conversion(),
        field: "invoice",
        paid: None,
        recorded: sale.amount,
    }));
    comparison
}

#[cfg(test)]
mod tests {
    use attribution::money::Currency;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::from_minor(minor, Currency::from_code(code).unwrap()).unwrap()
    }

    fn invoice(id: &str, paid: Money) -> Invoice {
        let at = Timestamp::from_milliseconds(50);
        Invoice {
            id: id.to_owned(),
            paid,
            at,
            customer: None,
            email: None,
            is_subscription: false,
            purchase: None,
            user: None,
            click: None,
        }
    }

    fn sale(id: &str, amount: Money, at: i64) -> (String, Recorded) {
        let known = Known::Conversion(format!("conv_{id}"));
        (id.to_owned(), Recorded { amount, at: Timestamp::from_milliseconds(at), known })
    }

    #[test]
    fn each_invoice_is_fine_missing_differing_or_nobodys() {
        let usd = money(500, "USD");
        let invoices = ["in_1", "in_2", "in_3", "in_4", "in_5"].map(|id| invoice(id, usd)).to_vec();
        let nobodys = Known::Nobodys("referral_not_found".to_owned());
        let recorded = [
            sale("in_1", usd, 50),
            sale("in_3", money(400, "USD"), 50),
            sale("in_4", money(500, "EUR"), 50),
            ("in_5".to_owned(), Recorded { amount: usd, at: Timestamp::from_milliseconds(50), known: nobodys }),
            sale("in_9", usd, 50),
            sale("in_8", usd, 5_000),
            sale("order_7", usd, 50),
        ];
        let comparison = compare(invoices, recorded.into(), |at| at.milliseconds() < 100);
        assert_eq!(comparison.fine, 1);
        assert_eq!(comparison.missing, [invoice("in_2", usd)]);
        let differing: Vec<_> = comparison.differing.iter().map(|one| (one.invoice.as_str(), one.field)).collect();
        assert_eq!(differing, [("in_3", "amount"), ("in_4", "currency"), ("in_9", "invoice")]);
        assert_eq!(comparison.nobodys.len(), 1);
    }
}
