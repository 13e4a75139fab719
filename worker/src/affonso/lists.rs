//! The envelopes that this dialect's lists come in; their parameters are read by [`Parameters`].

pub use attribution::outside::query::Parameters;
use serde_json::{Value, json};

use crate::http::Answer;
use crate::store::page::Page;

/// One page out of `total` rows.
pub(crate) fn page_of(data: &[Value], page: Page, total: i64) -> Answer {
    let pages = total.div_euclid(i64::from(page.limit)) + i64::from(total % i64::from(page.limit) != 0);
    let body = json!({
        "success": true,
        "data": data,
        "pagination": {
            "page": page.number,
            "limit": page.limit,
            "total": total,
            "total_pages": pages,
            "has_next_page": i64::from(page.number) < pages,
            "has_prev_page": page.number > 1,
        },
    });
    Answer::json(200, &body)
}

/// One page of a list by cursor.
pub(crate) fn cursor_page(data: &[Value], has_more: bool) -> Answer {
    Answer::json(200, &json!({ "success": true, "data": data, "has_more": has_more }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_its_neighbours() {
        let pagination =
            |number, total| page_of(&[], Page { number, limit: 10 }, total).body_json()["pagination"].clone();
        let expected = |page, total, pages, next, prev| {
            json!({
                "page": page, "limit": 10, "total": total, "total_pages": pages, "has_next_page": next,
                "has_prev_page": prev,
            })
        };
        assert_eq!(pagination(1, 0), expected(1, 0, 0, false, false));
        assert_eq!(pagination(1, 10), expected(1, 10, 1, false, false));
        assert_eq!(pagination(1, 11), expected(1, 11, 2, true, false));
        assert_eq!(pagination(2, 11), expected(2, 11, 2, false, true));
        assert_eq!(pagination(9, 11), expected(9, 11, 2, false, true));
    }
}
