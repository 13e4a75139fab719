//! Levels: what those earn who recruited the affiliate that sells. Source: docs/rules.md, section 4.
//!
//! A group has up to three; the selling affiliate's group counts. Nothing here keeps state.

use crate::limits::MAX_LEVELS;
use serde::{Deserialize, Serialize};

use crate::ids::{GroupId, IncentiveId};
use crate::money::Rate;

/// One level of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Named by the commissions that it prices, as an incentive would be.
    pub id: IncentiveId,
    /// The selling affiliate's group.
    pub group_id: GroupId,
    /// 1 for who recruited the seller, 2 for who recruited that one, 3 for the next.
    pub position: u8,
    /// Of what it is a share.
    pub base: Base,
    /// The share.
    pub rate: Rate,
}

/// Of what a level is a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Of the commission one level below.
    Commission,
    /// Of the sale.
    Sale,
}

/// The levels of a group, the first first.
pub fn of_group<'a>(levels: &'a [Level], group: Option<&GroupId>) -> Vec<&'a Level> {
    let mut levels: Vec<&Level> = levels.iter().filter(|level| Some(&level.group_id) == group).collect();
    levels.sort_by_key(|level| level.position);
    levels.truncate(MAX_LEVELS);
    levels
}
