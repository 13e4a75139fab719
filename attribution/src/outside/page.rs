//! How a list is cut, ordered and bounded in time, as a call asks for it.

use crate::time::Timestamp;

/// One page of a list that is read by page number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// So many rows at most.
    pub limit: u32,
}

impl Page {
    /// The page out of all rows, where these are few and were read at once.
    pub fn cut<R>(self, rows: &[R]) -> &[R] {
        let (before, limit) = (usize::try_from(self.offset()).unwrap_or(usize::MAX), self.limit as usize);
        let rest = rows.get(before..).unwrap_or_default();
        rest.get(..limit).unwrap_or(rest)
    }

    /// So many rows stand before the page.
    pub fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * i64::from(self.limit)
    }
}

/// What a list is sorted by: `C` names the columns that it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<C> {
    /// The column.
    pub by: C,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// From when to when, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Nothing earlier.
    pub from: Option<Timestamp>,
    /// Nothing later.
    pub to: Option<Timestamp>,
}

/// A place in a list that is read by ids, oldest or newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// So many rows at most.
    pub limit: u32,
    /// Whether the newest comes first.
    pub descending: bool,
    /// Where the page begins or ends; `None` for the beginning of the list.
    pub place: Option<Place>,
}

/// The row beside which a page stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The page begins after the row with this id.
    After(String),
    /// The page ends before the row with this id.
    Before(String),
}

impl Cursor {
    /// So many rows are to be asked for: one more than are shown says whether there are more.
    pub fn wanted(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Whether SQL is to read the newest first: a page that ends before a row is read backwards from it.
    pub fn reads_descending(&self) -> bool {
        self.descending != matches!(self.place, Some(Place::Before(_)))
    }

    /// The page out of the rows as they were read, in the list's order, and whether there are more in the direction in
    /// which was read.
    pub fn cut<R>(&self, mut rows: Vec<R>) -> (Vec<R>, bool) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        if self.reads_descending() != self.descending {
            rows.reverse();
        }
        (rows, has_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(place: Option<Place>) -> Cursor {
        Cursor { limit: 2, descending: true, place }
    }

    #[test]
    fn a_page_begins_where_the_one_before_it_ends() {
        assert_eq!(Page { number: 1, limit: 50 }.offset(), 0);
        assert_eq!(Page { number: 3, limit: 50 }.offset(), 100);
        assert_eq!(Page { number: u32::MAX, limit: 200 }.offset(), 858_993_458_800);
    }

    #[test]
    fn a_page_is_cut_out_of_few_rows() {
        let rows = [1, 2, 3, 4, 5];
        let cut = |number| Page { number, limit: 2 }.cut(&rows).to_vec();
        assert_eq!((cut(1), cut(2), cut(3), cut(4)), (vec![1, 2], vec![3, 4], vec![5], vec![]));
    }

    #[test]
    fn a_cursor_shows_its_limit_and_says_whether_there_are_more() {
        let first = cursor(None);
        assert_eq!(first.wanted(), 3);
        assert_eq!(first.cut(vec![9, 8, 7]), (vec![9, 8], true));
        assert_eq!(first.cut(vec![9, 8]), (vec![9, 8], false));
        assert!(cursor(Some(Place::After("8".to_owned()))).reads_descending());
    }

    #[test]
    fn a_page_before_a_row_is_read_backwards_and_shown_forwards() {
        let before = cursor(Some(Place::Before("5".to_owned())));
        assert!(!before.reads_descending());
        assert_eq!(before.cut(vec![6, 7, 8]), (vec![7, 6], true));
    }
}
