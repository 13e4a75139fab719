//! The account of a referral, worked out anew from its lines: what each sale was credited with and earned, what its
//! refunds took back, and what every line says about it.
//!
//! The sums are this module's own: always from the original amounts, rounded half-up in integers.
//!
//! State: what the lines so far have come to.

use std::collections::BTreeMap;

use attribution::decision::Reason;
use attribution::ids::{CommissionId, ConversionId, RefundId};
use attribution::ledger::Event;
use attribution::referral::Referral;
use attribution::sale::Conversion;
use attribution::status::CommissionStatus;
use attribution::time::Timestamp;
use serde_json::Value;

use super::course::{Course, Due};
use super::sales::asked_by;
use super::{Evidence, Problems};
use crate::history::Body;
use crate::rules::Rules;

/// A sale and what it earns.
struct Sold<'a> {
    sale: &'a Conversion,
    refunded: i64,
    earned: Option<i64>,
    /// What was paid out of it.
    paid: Option<i64>,
    taken_back: i64,
}

/// See the module.
pub struct Account<'a> {
    evidence: &'a Evidence<'a>,
    referral: &'a Referral,
    course: Course,
    lead: Option<i64>,
    sales: BTreeMap<&'a ConversionId, Sold<'a>>,
}

impl Sold<'_> {
    fn in_force(&self) -> i64 {
        let amount = self.sale.amount.minor;
        self.earned.map_or(0, |earned| (2 * earned * (amount - self.refunded) + amount) / (2 * amount))
    }
}

impl<'a> Account<'a> {
    /// Goes through a referral's lines and compares what is stored with what they come to.
    pub fn check(evidence: &'a Evidence<'a>, referral: &'a Referral, problems: &mut Problems) {
        let clicked_at = referral.clicked_at.map(Timestamp::milliseconds);
        let course = Course::of(&referral.affiliate_id, clicked_at);
        let mut account = Self { evidence, referral, course, lead: None, sales: BTreeMap::new() };
        let mut lines: Vec<&Event> =
            evidence.rows.events.iter().filter(|event| event.subject == referral.id.as_str()).collect();
        lines.sort_by_key(|event| event.seq);
        for line in lines {
            account.follow(line, problems);
        }
        account.check_lead(problems);
        account.check_rows(problems);
    }

    fn total(&self) -> i64 {
        let lead = self.lead.filter(|_| self.referral.status.holds_identities()).unwrap_or(0);
        lead + self.sales.values().map(Sold::in_force).sum::<i64>()
    }

    fn follow(&mut self, line: &Event, problems: &mut Problems) {
        let Some(rules) = self.evidence.rules.of_version(line.rules_version) else {
            return problems.unless(false, || format!("line {} of {} names no rules", line.seq, self.referral.id));
        };
        match line.kind {
            "referral.lead" => self.lead = self.course.lead(&rules),
            "referral.claim_overridden" => self.course.reject(),
            "sale.recorded" => self.sell(line, &rules, problems),
            "sale.refunded" => self.refund(line, problems),
            "commission.moved" => self.move_on(line, problems),
            _ => {}
        }
    }

    fn sell(&mut self, line: &Event, rules: &Rules, problems: &mut Problems) {
        let evidence = self.evidence;
        let of_line = |sale: &&Conversion| {
            asked_by(evidence, sale).is_some_and(|(_, attempt)| attempt.request_id == line.request_id)
        };
        let sales: Vec<&Conversion> = evidence.rows.conversions.values().filter(of_line).collect();
        let [sale] = sales.as_slice() else {
            let count = sales.len();
            return problems.unless(false, || format!("line {} of {} has {count} sales", line.seq, self.referral.id));
        };
        // As it was asked; a refund changes it later.
        let Some(Body::Sale { status, .. }) = asked_by(evidence, sale).map(|(call, _)| &call.body) else { return };
        let so_far = self.total();
        let due = self.course.sell(sale.amount.minor, *status, sale.created_at.milliseconds(), rules, so_far);
        self.check_due(sale, &due, rules, problems);
        check_cap(line, &due, rules, so_far, problems);
        let mut sold = Sold { sale, refunded: 0, earned: due.minor, paid: None, taken_back: 0 };
        let settled = |id: &RefundId| {
            let settles = |other: &&Event| other.subject == id.as_str() && other.kind == "refund.settled";
            evidence.rows.events.iter().any(|other| settles(&other) && other.request_id == line.request_id)
        };
        let waited = evidence.rows.refunds.values();
        let waited = waited.filter(|row| row.conversion_id == sale.id && settled(&row.id));
        sold.refunded = waited.map(|row| row.amount.minor).sum();
        self.sales.insert(&sale.id, sold);
    }

    fn check_due(&self, sale: &Conversion, due: &Due, rules: &Rules, problems: &mut Problems) {
        let commission = sale.commission_id.as_ref().and_then(|id| self.evidence.rows.commissions.get(id));
        let minor = commission.and_then(|commission| commission.earned_minor);
        let came_to = Due { reason: sale.decision.reason, minor };
        problems.unless(came_to == *due && sale.attributed == due.reason.is_attributed(), || {
            format!("sale {} came to {came_to:?} and should have to {due:?}", sale.id)
        });
        let held = commission.map(|commission| commission.hold_days.unwrap_or(0));
        problems.unless(held.is_none_or(|days| days == rules.hold_days), || {
            format!("sale {} is held for {held:?} days and should be for {}", sale.id, rules.hold_days)
        });
    }

    fn refund(&mut self, line: &Event, problems: &mut Problems) {
        let refund = line.detail.get("refund_id").and_then(Value::as_str).map(RefundId::new);
        let refund = refund.and_then(|id| self.evidence.rows.refunds.get(&id));
        let Some((refund, sold)) = refund.and_then(|row| Some((row, self.sales.get_mut(&row.conversion_id)?))) else {
            return problems.unless(false, || format!("line {} of {} has no refund", line.seq, self.referral.id));
        };
        let before = sold.in_force();
        sold.refunded += refund.amount.minor;
        let due = before - sold.in_force();
        let said = line.detail.get("deducted").and_then(minor_of);
        let said = if sold.earned.is_some() { said } else { Some(0) };
        problems.unless(refund.deducted_minor == due && said == Some(due), || {
            format!("refund {} took {} back, its line says {said:?}, due is {due}", refund.id, refund.deducted_minor)
        });
        let clawback = refund.clawback_id.as_ref().and_then(|id| self.evidence.rows.commissions.get(id));
        let clawback = clawback.and_then(|row| row.amount_minor);
        let netted = (sold.paid.is_some() && due != 0).then_some(-due);
        problems.unless(clawback == netted, || {
            format!("refund {} is netted by {clawback:?} and should be by {netted:?}", refund.id)
        });
        sold.taken_back += netted.unwrap_or(0);
    }

    fn move_on(&mut self, line: &Event, problems: &mut Problems) {
        for message in &line.messages {
            let id = message.data.get("commissionId").and_then(Value::as_str).unwrap_or_default();
            let said = message.data.get("commissionAmount").and_then(minor_of);
            let id = CommissionId::new(id);
            let row = self.evidence.rows.commissions.get(&id);
            let own = |sold: &&mut Sold<'_>| sold.sale.commission_id.as_ref() == Some(&id);
            let due = match (self.sales.values_mut().find(own), row) {
                (Some(sold), _) => {
                    let in_force = sold.in_force();
                    if line.reason == Reason::CommissionsGathered {
                        sold.paid = Some(in_force);
                    }
                    Some(in_force)
                }
                (None, Some(row)) if row.conversion_id.is_none() => self.lead,
                (None, row) => row.and_then(|row| row.amount_minor),
            };
            problems.unless(said == due, || {
                format!("line {} of {} moves {id} with {said:?}, due is {due:?}", line.seq, self.referral.id)
            });
        }
    }

    fn check_lead(&self, problems: &mut Problems) {
        let referral = self.referral;
        let of_lead = self.evidence.rows.commissions.values();
        let of_lead = of_lead.filter(|row| row.referral_id == referral.id && row.conversion_id.is_none());
        let earned: Vec<_> = of_lead.map(|row| (row.amount_minor, row.status == CommissionStatus::Declined)).collect();
        let is_declined = !referral.status.holds_identities();
        let due: Vec<_> = self.lead.map(|minor| (Some(minor), is_declined)).into_iter().collect();
        problems.unless(earned == due, || format!("the lead {} earned {earned:?} and should {due:?}", referral.id));
    }

    /// What is stored at the end: what is not paid is reduced, what is paid is untouched and netted.
    fn check_rows(&self, problems: &mut Problems) {
        let (total, said) = (self.total(), self.referral.commission_total_minor);
        problems.unless(total == said, || format!("referral {} says {said} and comes to {total}", self.referral.id));
        for sold in self.sales.values() {
            let commission = sold.sale.commission_id.as_ref().and_then(|id| self.evidence.rows.commissions.get(id));
            let Some(commission) = commission else { continue };
            let in_force = sold.in_force();
            let due = (Some(sold.paid.unwrap_or(in_force)), sold.paid.map_or(0, |paid| paid - in_force));
            let stored = (commission.amount_minor, commission.clawed_back_minor);
            problems.unless(stored == due && -due.1 == sold.taken_back, || {
                format!("sale {} earns {stored:?} after its refunds and should earn {due:?}", sold.sale.id)
            });
            let is_over = sold.refunded == sold.sale.amount.minor && sold.paid.is_none();
            problems.unless(is_over == (commission.status == CommissionStatus::Refunded), || {
                format!("commission {} is {:?}, {} was refunded", commission.id, commission.status, sold.refunded)
            });
        }
    }
}

/// What a line says about a cap, and that it is kept.
fn check_cap(line: &Event, due: &Due, rules: &Rules, so_far: i64, problems: &mut Problems) {
    let priced = matches!(due.reason, Reason::CommissionEarned | Reason::ReducedToCap | Reason::CapReached);
    let said = |name: &str| line.detail.get(name).and_then(minor_of);
    let cap = rules.cap_minor.filter(|_| priced);
    let expected = (cap, cap.map(|_| so_far), due.minor);
    let stated = (said("cap"), said("earned_so_far"), said("commission_amount"));
    problems.unless(stated == expected, || {
        format!("line {} of {} states cap, sum and amount {stated:?}, due is {expected:?}", line.seq, line.subject)
    });
    // A cap that was lowered takes nothing back.
    let is_kept = cap.is_none_or(|cap| so_far + stated.2.unwrap_or(0) <= cap.max(so_far));
    problems.unless(is_kept, || format!("line {} of {} goes beyond its cap {cap:?}", line.seq, line.subject));
}

/// Reads an amount in dollars as cents.
fn minor_of(amount: &Value) -> Option<i64> {
    let text = amount.as_number()?.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<2}").parse().ok()
}
