//! Rates of exchange: the bank publishes some now and then, late or never; a job settles the sales that waited for one.
//!
//! State: the quotations are rows of the database, in the order in which they were published.

use std::rc::Rc;

use attribution::day::Day;
use attribution::exchange::{DecimalRate, Exchange, QuotedRate};
use attribution::fixtures;
use attribution::money::Currency;
use attribution::sale::Conversion;

use crate::chance::Chance;
use crate::database::Database;
use crate::rules::START;

/// What sales are paid in, beside dollars.
const FOREIGN: [&str; 3] = ["EUR", "GBP", "JPY"];

/// Quotations of a first and of a later day: base, currency, rates.
const QUOTES: [(&str, &str, [&str; 2]); 4] = [
    ("EUR", "USD", ["1.0952", "1.1037"]),
    ("EUR", "GBP", ["0.84345", "0.85001"]),
    ("EUR", "JPY", ["163.07", "161.9"]),
    ("GBP", "USD", ["1.3003", "1.298877"]),
];

/// The currency of a sale: dollars in every second case.
pub fn any_currency(chance: &Chance) -> Currency {
    let foreign = Currency::from_code(chance.one_of(FOREIGN)).filter(|_| chance.hits(500));
    foreign.unwrap_or(fixtures::program().currency)
}

impl Database {
    /// Publishes a quotation of a day about now; one of the program's own, where that is the pound in dollars.
    pub fn publish_one(&self, chance: &Chance) {
        let (base, currency, rates) = chance.one_of(QUOTES);
        let ago = i64::from(chance.between(0, 2));
        let day = Day::from_number(self.scene.executor.now().div_euclid(attribution::time::DAY_MILLISECONDS) - ago);
        self.publish(base, currency, day, chance.one_of(rates));
    }

    /// Publishes what is missing of the euro's rates, of a day before all sales.
    pub fn publish_all(&self) {
        let day = Day::from_number(Day::of(START).number() - 10);
        for (base, currency, [rate, _]) in QUOTES {
            self.publish(base, currency, day, rate);
        }
    }

    /// A day's rate between two currencies is published once.
    fn publish(&self, base: &str, currency: &str, day: Day, rate: &str) {
        let currencies = Currency::from_code(base).zip(Currency::from_code(currency));
        let Some(((base, currency), rate)) = currencies.zip(DecimalRate::parse(rate).ok()) else { return };
        let own = base.code() == "GBP";
        let mut rows = self.rows.borrow_mut();
        let is_known = |quote: &QuotedRate| (quote.base, quote.currency, quote.day) == (base, currency, day);
        if !rows.rates.iter().any(is_known) {
            self.scene.note(|| format!("bank      one {base} is {rate} {currency} on {day}"));
            Rc::make_mut(&mut rows).rates.push(QuotedRate { base, currency, day, rate, own });
        }
    }

    /// Sales that waited for a rate that is there now, at most so many.
    pub fn to_settle(&self, limit: usize) -> Vec<Conversion> {
        let rows = self.rows.borrow();
        let waiting = rows.conversions.values().filter(|sale| sale.converted.is_none());
        waiting.filter(|sale| exchange_of(sale, &rows.rates).is_some()).take(limit).cloned().collect()
    }
}

/// How a sale's currency becomes the team's, by these quotations.
pub fn exchange_of(sale: &Conversion, quotes: &[QuotedRate]) -> Option<Exchange> {
    Exchange::between(sale.amount.currency, fixtures::program().currency, Day::of(sale.created_at), quotes)
}
