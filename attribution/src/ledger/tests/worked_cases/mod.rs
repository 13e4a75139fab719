//! The worked cases of `attribution/tests/worked_cases/`, carried out by the ledger step by step.
//!
//! They were worked out from docs/rules.md alone; `scripts/recompute-worked-cases.mjs` recomputes their arithmetic. Every
//! step that a caller may repeat is sent twice.

mod format;
mod look;

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::format::{Case, File, IncentiveOf, Step, currency, money};
use super::{Failure, World};
use crate::fixtures::{affiliate, bob, browser_sign_up, click, context, early_refund, refund, sale, scope, sign_up};
use crate::ids::{AffiliateId, CommissionId, ConversionId, PayoutId, RefundId};
use crate::incentive::Purchase;
use crate::ledger::{
    Command, CommissionEdit, EditCommission, EditReferral, ManualCommission, MoveCommissions, Reassignment, Reconsider,
    RecordSale, Refund, Step as LedgerStep, Turn,
};
use crate::money::Money;
use crate::payout::is_payable;
use crate::program::Affiliate;
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, Interval, Partnership, ReferralStatus, SalesStatus};
use crate::time::Timestamp;

const FILES: [(&str, &str); 9] = [
    ("caps", include_str!("../../../../tests/worked_cases/caps.json")),
    ("choice", include_str!("../../../../tests/worked_cases/choice.json")),
    ("currencies", include_str!("../../../../tests/worked_cases/currencies.json")),
    ("leads", include_str!("../../../../tests/worked_cases/leads.json")),
    ("lengths", include_str!("../../../../tests/worked_cases/lengths.json")),
    ("levels", include_str!("../../../../tests/worked_cases/levels.json")),
    ("refunds", include_str!("../../../../tests/worked_cases/refunds.json")),
    ("statuses", include_str!("../../../../tests/worked_cases/statuses.json")),
    ("windows", include_str!("../../../../tests/worked_cases/windows.json")),
];

#[test]
fn every_worked_case_comes_out_as_it_was_worked_out() {
    let mut problems = Vec::new();
    let mut cases = 0;
    for (file, text) in FILES {
        let read: File = serde_json::from_str(text).unwrap_or_else(|cause| panic!("{file}.json: {cause}"));
        for case in &read.cases {
            cases += 1;
            problems
                .extend(carry_out(case).into_iter().map(|problem| format!("{file}.json: {}: {problem}", case.name)));
        }
    }
    assert!(problems.is_empty(), "{} of {cases} cases differ:\n{}", problems.len(), problems.join("\n"));
    assert!(cases >= 80, "{cases} cases");
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Runs one case; says where it came out otherwise.
fn carry_out(case: &Case) -> Vec<String> {
    let scene = Scene::of(case);
    for (number, step) in case.steps.iter().enumerate() {
        scene.number.set(number + 1);
        scene.world.now.set(moment(&step.at));
        scene.take(step);
    }
    scene.check_total();
    scene.problems.into_inner()
}

struct Scene<'a> {
    case: &'a Case,
    world: World,
    number: Cell<usize>,
    payouts: Cell<usize>,
    problems: std::cell::RefCell<Vec<String>>,
}

impl<'a> Scene<'a> {
    fn of(case: &'a Case) -> Self {
        let world = World::with(|program| {
            program.currency = currency(&case.currency);
            program.incentives = incentives(case, &case.incentives);
            program.levels = case.levels.iter().zip(1..).map(|(level, position)| level.level(position)).collect();
            let days = case.settings.attribution_window_days;
            program.attribution_window_days = days.unwrap_or(program.attribution_window_days);
            program.trust_browser_leads = case.settings.trust_browser_leads.unwrap_or(false);
        });
        let mut click = click();
        click.clicked_at = moment(&case.clicked_at);
        world.clicks.put(click);
        world.database.put_rates(case.rates.iter().map(format::RateOf::quoted));
        let scene =
            Self { case, world, number: Cell::new(0), payouts: Cell::new(0), problems: std::cell::RefCell::default() };
        scene.put_affiliates(Partnership::Approved);
        scene
    }

    /// The seller and who recruited whom.
    fn put_affiliates(&self, sellers: Partnership) {
        let id = |place: usize| AffiliateId::new(format!("aff_recruiter_{place}"));
        let recruited_by = |place: usize| self.case.recruiters.get(place).map(|_| id(place));
        self.world.database.put_affiliate(Affiliate {
            partnership: sellers,
            recruited_by: recruited_by(0),
            ..affiliate()
        });
        for (place, recruiter) in self.case.recruiters.iter().enumerate() {
            let partnership = if recruiter.approved { Partnership::Approved } else { Partnership::Rejected };
            let name = format!("recruiter{place}");
            self.world.database.put_affiliate(Affiliate {
                id: id(place),
                tracking_id: name.clone(),
                name,
                partnership,
                recruited_by: recruited_by(place + 1),
                ..affiliate()
            });
        }
    }

    fn problem(&self, what: impl std::fmt::Display) {
        self.problems.borrow_mut().push(format!("step {}: {what}", self.number.get()));
    }

    fn take(&self, step: &Step) {
        let clawbacks_before = self.clawbacks();
        if step.expect_refused {
            return self.refused(step);
        }
        if let Some(command) = self.command(step) {
            self.call(command);
        }
        if let Some(rates) = &step.rates {
            self.world.database.put_rates(rates.iter().map(format::RateOf::quoted));
            let settled = self.settle();
            if let Some(expected) = &step.settles {
                self.same("settles", &settled, &expected.iter().cloned().collect());
            }
        }
        if let Some(partnership) = &step.partnership {
            self.world.database.change_rules(&scope().program_id, |_| {});
            self.put_affiliates(Partnership::from_word(partnership).unwrap());
        }
        if let Some(rules) = &step.set_incentives {
            let rules = incentives(self.case, rules);
            self.world.database.change_rules(&scope().program_id, |program| program.incentives = rules);
        }
        if let Some(sales) = &step.pay_out {
            self.pay_out(sales, step);
        }
        if let Some(status) = &step.end_payout {
            self.end_payout(status);
        }
        self.look(step, &clawbacks_before);
    }

    /// Calls, and repeats the call: that must change nothing.
    fn call(&self, command: Command) {
        if let Err(failure) = self.world.call(command.clone()) {
            self.problem(format!("failed: {failure}"));
            return;
        }
        let rows = self.world.rows();
        // A manual commission without a payment to know it by is another one each time; so is a refund without a key.
        let is_new_each_time = matches!(&command, Command::ManualCommission(manual) if manual.sale_key.is_none());
        if is_new_each_time {
            return;
        }
        let again = self.world.call(super::retried(command));
        if self.world.rows() != rows {
            self.problem(format!("the repeated call changed rows: {again:?}"));
        }
    }

    fn refused(&self, step: &Step) {
        // What is no amount of its currency is refused before the ledger sees it.
        let amount = step.sale.as_ref().map(|sale| Money::from_decimal(&sale.amount, currency(&sale.currency)));
        if amount.is_some_and(|amount| amount.is_err()) {
            return;
        }
        let Some(command) = self.command(step) else { return self.problem("nothing that could be refused") };
        let rows = self.world.rows();
        match self.world.call(command) {
            Err(Failure::Rejected(_)) => {}
            other => self.problem(format!("not refused: {other:?}")),
        }
        if self.world.rows() != rows {
            self.problem("the refused call changed rows");
        }
    }

    /// The command of a step that is one call.
    fn command(&self, step: &Step) -> Option<Command> {
        if let Some(lead) = &step.sign_up {
            let call = if lead.verified { sign_up(&click()) } else { browser_sign_up(&click()) };
            return Some(call.into());
        }
        if let Some(sale) = &step.sale {
            return Some(sale_of(sale).into());
        }
        if let Some(manual) = &step.manual {
            return Some(Command::ManualCommission(self.manual(manual)));
        }
        if let Some(refund) = &step.refund {
            return Some(self.refund(refund).into());
        }
        if let Some(id) = &step.complete {
            return self.set_sales_status(id, SalesStatus::Complete);
        }
        if let Some(change) = &step.set_sales_status {
            return self.set_sales_status(&change.sale, SalesStatus::from_word(&change.to).unwrap());
        }
        if let Some(change) = &step.set_commission_status {
            return Some(self.set_commission_status(change));
        }
        if step.end_holds == Some(true) {
            return Some(super::scheduled::end_hold().into());
        }
        if let Some(change) = &step.refer {
            let status = ReferralStatus::from_word(&change.status).unwrap();
            return Some(self.edit_referral(Some(status), None));
        }
        step.reassign.as_ref().map(|reassign| {
            let to = Reassignment {
                affiliate_id: bob().id,
                reason: "a worked case".to_owned(),
                moves_unpaid: reassign.unpaid == "move",
            };
            self.edit_referral(None, Some(to))
        })
    }

    fn refund(&self, of: &format::RefundOf) -> Refund {
        let key = of.id.clone().unwrap_or_else(|| format!("refund_{}", self.number.get()));
        let plain = if of.early { early_refund(&key, &of.sale, None) } else { refund(&key, &of.sale, None) };
        let sold = self.case.steps.iter().filter_map(|step| step.sale.as_ref()).find(|sale| sale.id == of.sale);
        let code = of.currency.clone().or(sold.map(|sale| sale.currency.clone()));
        let code = code.unwrap_or_else(|| self.case.currency.clone());
        Refund {
            amount: of.amount.as_deref().map(|amount| money(amount, &code)),
            currency: of.currency.as_deref().map(currency),
            refund_id: RefundId::new(format!("rfd_{}", self.number.get())),
            ..plain
        }
    }

    fn manual(&self, of: &format::ManualOf) -> ManualCommission {
        ManualCommission {
            context: context(&format!("req_{}", of.id)),
            gate: click().id,
            scope: scope(),
            amount: money(&of.amount, &of.currency),
            sales_status: SalesStatus::Complete,
            commission: money(&of.commission, &self.case.currency),
            status: of.status.as_deref().and_then(CommissionStatus::from_word).unwrap_or(CommissionStatus::Pending),
            hold_days: None,
            sale_key: None,
            occurred_at: None,
            details: SaleDetails::default(),
            conversion_id: ConversionId::new(format!("conv_{}", of.id)),
            commission_id: CommissionId::new(format!("com_{}", of.id)),
        }
    }

    fn set_sales_status(&self, id: &str, status: SalesStatus) -> Option<Command> {
        self.reconsider(id, Turn::SalesStatus(status))
    }

    fn reconsider(&self, id: &str, turn: Turn) -> Option<Command> {
        let conversion = self.world.rows().conversions.get(&ConversionId::new(format!("conv_{id}"))).cloned()?;
        Some(Command::Reconsider(Reconsider {
            context: context(&format!("req_reconsider_{id}_{}", self.number.get())),
            gate: click().id,
            scope: scope(),
            conversion_id: conversion.id,
            currency: conversion.amount.currency,
            occurred_at: conversion.created_at,
            turn,
            commission_id: CommissionId::new(format!("com_{id}")),
        }))
    }

    fn set_commission_status(&self, change: &format::Change) -> Command {
        let edit = CommissionEdit::Change {
            status: CommissionStatus::from_word(&change.to),
            hold_days: None,
            amount: None,
            sale_amount: None,
        };
        Command::EditCommission(EditCommission {
            context: context(&format!("req_edit_{}", self.number.get())),
            gate: click().id,
            scope: scope(),
            commission_id: commission_id(&change.sale),
            edit,
        })
    }

    fn edit_referral(&self, status: Option<ReferralStatus>, reassignment: Option<Reassignment>) -> Command {
        let held = self.world.rows().referrals.get(&click().id).map(crate::referral::Referral::identities);
        let request = context(&format!("req_refer_{}", self.number.get()));
        Command::EditReferral(EditReferral {
            names_to_take_back: held.unwrap_or_default(),
            status,
            reassignment,
            ..EditReferral::of(request, click().id, scope())
        })
    }

    /// The job that looks for rates: the sales whose commissions it settled.
    fn settle(&self) -> BTreeSet<String> {
        let mut settled = BTreeSet::new();
        let waiting: Vec<_> =
            self.world.rows().conversions.into_values().filter(|row| row.converted.is_none()).collect();
        for conversion in waiting {
            let id = conversion.id.as_str().trim_start_matches("conv_").to_owned();
            let amount = |scene: &Self| {
                scene.world.rows().commissions.get(&commission_id(&id)).and_then(|commission| commission.amount_minor)
            };
            let before = amount(self);
            if let Some(command) = self.reconsider(&id, Turn::RateArrived) {
                self.call(command);
            }
            if before.is_none() && amount(self).is_some() {
                settled.insert(id);
            }
        }
        settled
    }

    fn pay_out(&self, sales: &[String], step: &Step) {
        let number = self.payouts.get() + 1;
        let payee = self.world.rows().referrals.get(&click().id).map_or(affiliate().id, |row| row.affiliate_id.clone());
        let ready: i64 = {
            let rows = self.world.rows();
            let is_ready = |status: CommissionStatus| status == CommissionStatus::ReadyForPayment;
            let theirs = rows.commissions.values().filter(|row| is_ready(row.status) && row.affiliate_id == payee);
            theirs.filter(|row| row.deleted_at.is_none()).filter_map(|row| row.amount_minor).sum()
        };
        let mut paid = None;
        let mut gathered = BTreeSet::new();
        if is_payable(ready, 0) {
            self.payouts.set(number);
            self.call(step_of(LedgerStep::Gather { payout_id: payout_id(number), affiliate_id: payee }));
            let rows = self.world.rows();
            let lines: Vec<_> = rows.payout_lines.iter().filter(|(id, ..)| *id == payout_id(number)).collect();
            paid = Some(lines.iter().map(|(.., minor)| minor).sum::<i64>());
            gathered = lines.iter().map(|(_, id, _)| look::name_of(id)).collect();
            if step.until.as_deref().is_none_or(|until| until == "completed") {
                self.call(step_of(LedgerStep::Pay { payout_id: payout_id(number) }));
            }
        }
        gathered.retain(|name| !name.contains("back_"));
        self.same("pay_out", &gathered, &sales.iter().cloned().collect());
        if let Some(expected) = &step.expect_payout {
            self.same("expect_payout", &paid.map(|minor| self.text(minor)), expected);
        }
        if step.pays_levels {
            for place in 0..self.case.recruiters.len() {
                let payout_id = PayoutId::new(format!("pay_levels_{number}_{place}"));
                let affiliate_id = AffiliateId::new(format!("aff_recruiter_{place}"));
                self.call(step_of(LedgerStep::Gather { payout_id: payout_id.clone(), affiliate_id }));
                self.call(step_of(LedgerStep::Pay { payout_id }));
            }
        }
    }

    fn end_payout(&self, status: &str) {
        let payout_id = payout_id(self.payouts.get());
        self.call(step_of(match status {
            "completed" => LedgerStep::Pay { payout_id },
            _ => LedgerStep::Release { payout_id },
        }));
    }
}

fn incentives(case: &Case, rules: &[IncentiveOf]) -> Vec<crate::incentive::Incentive> {
    rules.iter().map(|rule| rule.incentive(&case.currency)).collect()
}

fn payout_id(number: usize) -> PayoutId {
    PayoutId::new(format!("pay_{number}"))
}

fn step_of(step: LedgerStep) -> Command {
    Command::MoveCommissions(MoveCommissions { step, ..super::scheduled::end_hold() })
}

fn commission_id(sale: &str) -> CommissionId {
    if sale == "lead" {
        CommissionId::new(format!("com_lead_{}", click().id))
    } else {
        CommissionId::new(format!("com_{sale}"))
    }
}

fn sale_of(of: &format::SaleOf) -> RecordSale {
    let plain = sale(&of.id, "1");
    let purchase = Purchase {
        product_ids: of.product_ids.clone(),
        price_ids: of.price_ids.clone(),
        interval: of.interval.as_deref().and_then(Interval::from_word),
        is_subscription: of.is_subscription,
    };
    RecordSale {
        amount: money(&of.amount, &of.currency),
        sales_status: of
            .sales_status
            .as_deref()
            .map_or(SalesStatus::Complete, |word| SalesStatus::from_word(word).unwrap()),
        occurred_at: of.occurred_at.as_deref().map(moment),
        details: SaleDetails {
            purchase,
            commission_status: of.status.as_deref().and_then(CommissionStatus::from_word),
            metadata: Some(Value::Object(Map::new())),
            ..plain.details.clone()
        },
        ..plain
    }
}
