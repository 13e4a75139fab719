//! What is there after a step, compared with what was worked out.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::format::{Expect, Step};
use super::{Scene, commission_id};
use crate::fixtures::click;
use crate::ids::{CommissionId, ConversionId};
use crate::money::{Currency, Money};
use crate::sale::{Commission, Conversion};
use crate::status::CommissionKind;

/// The sale that a commission's id was made from.
pub(super) fn name_of(id: &CommissionId) -> String {
    let name = id.as_str().trim_start_matches("com_");
    if name.starts_with("lead_") { "lead".to_owned() } else { name.to_owned() }
}

impl Scene<'_> {
    pub(super) fn same<T: PartialEq + Debug>(&self, what: &str, actual: &T, expected: &T) {
        if actual != expected {
            self.problem(format!("{what} is {actual:?} and was worked out as {expected:?}"));
        }
    }

    /// In the team's currency, with all its digits.
    pub(super) fn text(&self, minor: i64) -> String {
        let currency = Currency::from_code(&self.case.currency).unwrap();
        Money { minor, currency }.to_fixed()
    }

    /// The negative lines so far.
    pub(super) fn clawbacks(&self) -> Vec<Commission> {
        let rows = self.world.rows().commissions.into_values();
        rows.filter(|row| row.kind == CommissionKind::Clawback).collect()
    }

    pub(super) fn look(&self, step: &Step, clawbacks_before: &[Commission]) {
        if let Some(expected) = &step.expect {
            let subject = step.sale.as_ref().map(|sale| sale.id.clone());
            let subject = subject
                .or_else(|| step.sign_up.as_ref().map(|_| "lead".to_owned()))
                .or_else(|| step.manual.as_ref().map(|manual| manual.id.clone()))
                .or_else(|| step.refund.as_ref().map(|refund| refund.sale.clone()))
                .or_else(|| step.complete.clone())
                .or_else(|| step.set_sales_status.as_ref().map(|change| change.sale.clone()))
                .or_else(|| step.set_commission_status.as_ref().map(|change| change.sale.clone()))
                .or_else(|| step.look.clone());
            self.check(&subject.expect("a step with an expectation has a subject"), expected, clawbacks_before);
        }
        if let Some(expected) = &step.expect_sale {
            let [sale] = step.settles.as_deref().unwrap_or_default() else { panic!("expect_sale is of one sale") };
            self.check(sale, expected, clawbacks_before);
        }
        for (sale, expected) in step.expect_statuses.iter().flatten() {
            let status = self.commission(sale).map(|commission| commission.status.as_str().to_owned());
            self.same(&format!("the status of {sale}"), &status, expected);
        }
    }

    fn commission(&self, sale: &str) -> Option<Commission> {
        self.world.rows().commissions.get(&commission_id(sale)).cloned()
    }

    fn conversion(&self, sale: &str) -> Option<Conversion> {
        self.world.rows().conversions.get(&ConversionId::new(format!("conv_{sale}"))).cloned()
    }

    fn check(&self, sale: &str, expected: &Expect, clawbacks_before: &[Commission]) {
        let (commission, conversion) = (self.commission(sale), self.conversion(sale));
        if expected.pending {
            let waits = self.world.rows().parked.values().any(|parked| parked.sale_key == sale);
            self.same("waiting", &waits, &true);
        }
        if let Some(reason) = &expected.reason {
            let of_sale = conversion.as_ref().map(|conversion| conversion.decision.reason);
            let actual = of_sale.or(commission.as_ref().map(|commission| commission.reason));
            self.same("reason", &actual.map(|reason| reason.as_str().to_owned()), &Some(reason.clone()));
        }
        if let Some(incentive) = &expected.incentive {
            let named = conversion.as_ref().and_then(|row| row.decision.inputs.get("incentive_id"));
            let named = named.and_then(|id| id.as_str()).map(str::to_owned);
            let of_lead =
                commission.as_ref().and_then(|row| row.incentive_id.as_ref()).map(|id| id.as_str().to_owned());
            // A sign-up that earns nothing names no incentive.
            if sale != "lead" || of_lead.is_some() {
                self.same("incentive", &named.or(of_lead), incentive);
            }
        }
        if let Some(amount) = &expected.commission {
            let actual = commission.as_ref().and_then(|row| row.amount_minor).map(|minor| self.text(minor));
            self.same("commission", &actual, amount);
        }
        if let Some(status) = &expected.status {
            let actual = commission.as_ref().map(|row| row.status.as_str().to_owned());
            self.same("status", &actual, status);
        }
        if let Some(conversion) = &conversion {
            self.check_sale(conversion, expected);
        }
        self.check_levels(sale, expected);
        self.check_clawbacks(sale, expected, clawbacks_before);
    }

    fn check_sale(&self, conversion: &Conversion, expected: &Expect) {
        if let Some(status) = &expected.sales_status {
            self.same("sales_status", &conversion.sales_status.as_str().to_owned(), status);
        }
        if let Some(remaining) = &expected.remaining {
            self.same("remaining", &conversion.remaining().to_fixed(), remaining);
        }
        if let Some(converted) = &expected.converted {
            let actual = conversion.converted.as_ref().map(|converted| self.text(converted.minor));
            self.same("converted", &actual, converted);
        }
    }

    fn check_levels(&self, sale: &str, expected: &Expect) {
        let level = |place: usize| {
            let id = commission_id(sale).beside(&format!("level {}", place + 1));
            self.world.rows().commissions.get(&id).cloned()
        };
        if let Some(levels) = &expected.levels {
            let amount = |place| level(place).and_then(|row| row.amount_minor).map(|minor| self.text(minor));
            let actual: Vec<_> = (0..levels.len()).map(amount).collect();
            self.same("levels", &actual, levels);
        }
        if let Some(statuses) = &expected.level_statuses {
            let status = |place| level(place).map(|row| row.status.as_str().to_owned());
            let actual: Vec<_> = (0..statuses.len()).map(status).collect();
            self.same("level_statuses", &actual, statuses);
        }
    }

    fn check_clawbacks(&self, sale: &str, expected: &Expect, before: &[Commission]) {
        let known: BTreeSet<_> = before.iter().map(|row| row.id.clone()).collect();
        let of_sale = Some(ConversionId::new(format!("conv_{sale}")));
        let new: Vec<_> = self
            .clawbacks()
            .into_iter()
            .filter(|row| !known.contains(&row.id) && row.conversion_id == of_sale)
            .collect();
        let amounts = |level: u8| {
            let of_level = new.iter().filter(move |row| row.level == level);
            of_level.filter_map(|row| row.amount_minor).map(|minor| self.text(minor)).collect::<Vec<_>>()
        };
        if let Some(clawbacks) = &expected.clawbacks {
            self.same("clawbacks", &amounts(0), clawbacks);
        }
        if let Some(clawbacks) = &expected.level_clawbacks {
            let actual: Vec<_> = (1..).take(clawbacks.len()).map(|level| amounts(level).first().cloned()).collect();
            self.same("level_clawbacks", &actual, clawbacks);
        }
    }

    pub(super) fn check_total(&self) {
        let rows = self.world.rows();
        let total = rows.referrals.get(&click().id).map_or(0, |row| row.commission_total_minor);
        self.same("total", &self.text(total), &self.case.total);
    }
}
