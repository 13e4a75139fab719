//! What refunds took back of commissions while their payout was under way, when that payout comes to nothing. Source:
//! docs/rules.md, sections 6 and 8.
//!
//! Nothing was paid, so nothing has to be taken back: the commissions pay less instead, and their negative lines are gone.
//! Until then no other payout takes the lines up, so that none of them is paid for nothing. No sum changes by any of it.

use super::View;
use crate::sale::{Commission, Conversion};
use crate::status::{CommissionKind, CommissionStatus};
use crate::transitions::Mover;

/// A commission with its sale.
type Entry<'a> = (Commission, Option<&'a Conversion>);

/// Nets the commissions that a payout sets free, and adds the negative lines that are gone by it.
pub(super) fn net_released<'a>(freed: &mut Vec<Entry<'a>>, view: &View<'a>) {
    let is_free =
        |row: &Commission| row.kind == CommissionKind::Clawback && row.status.counts() && !row.status.is_paid_out();
    let free = view.state.commissions.iter().filter(|(row, _)| is_free(row));
    let mut lines: Vec<Entry<'_>> = free.map(|(row, sale)| (row.clone(), sale.as_ref())).collect();
    for (row, sale) in freed.iter_mut().filter(|(row, _)| row.kind != CommissionKind::Clawback) {
        for (line, _) in &mut lines {
            if takes_back(line, row) {
                net(row, line, view);
            }
        }
        let is_paid_back = sale.is_some_and(|sale| sale.remaining().minor == 0);
        let is_netted = row.clawed_back_minor == 0 && row.amount_minor == Some(0);
        if is_paid_back && is_netted && row.status.may_become(CommissionStatus::Refunded, Mover::Ledger) {
            row.status = CommissionStatus::Refunded;
        }
    }
    freed.extend(lines.into_iter().filter(|(line, _)| line.deleted_at.is_some()));
}

/// Whether it takes back what is in a payout that is under way: how that ends decides whether anything is owed.
pub(super) fn waits_for_its_payout(line: &Commission, view: &View<'_>) -> bool {
    let is_under_way = |row: &Commission| {
        row.kind != CommissionKind::Clawback
            && row.status == CommissionStatus::ProcessingPayout
            && row.payout_id.is_some()
            && takes_back(line, row)
    };
    line.kind == CommissionKind::Clawback && view.state.commissions.iter().any(|(row, _)| is_under_way(row))
}

fn takes_back(line: &Commission, row: &Commission) -> bool {
    let is_of_sale = line.conversion_id.is_some() && line.conversion_id == row.conversion_id;
    is_of_sale && line.level == row.level && line.affiliate_id == row.affiliate_id && line.deleted_at.is_none()
}

fn net(row: &mut Commission, line: &mut Commission, view: &View<'_>) {
    let taken_back = -line.amount_minor.unwrap_or(0);
    row.amount_minor = row.amount_minor.map(|minor| minor - taken_back);
    row.clawed_back_minor -= taken_back;
    line.deleted_at = Some(view.now);
    line.updated_at = view.now;
}
