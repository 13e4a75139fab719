//! Parameters of lists: what is read is within its bounds.

use attribution::limits::{CURSOR_PAGE, MAX_CURSOR_PAGE, MAX_PAGE, MAX_PLACE, MAX_SEARCH, MAX_TEXT, PAGE};
use attribution::outside::page::Sort;
use attribution::outside::query::Parameters;
use url::Url;

/// Looks at one input: a query.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(mut url) = Url::parse("https://ledger.example/v1/list") else { return };
    url.set_query(Some(text));
    let read = |work: &mut dyn FnMut(&mut Parameters)| {
        let mut parameters = Parameters::of(&url);
        work(&mut parameters);
        let _ = parameters.finish(());
    };
    read(&mut |parameters| {
        let page = parameters.page();
        assert!(page.number >= 1 && (1..=MAX_PAGE).contains(&page.limit) && page.offset() >= 0 && PAGE <= MAX_PAGE);
    });
    read(&mut |parameters| {
        let cursor = parameters.cursor();
        assert!((1..=MAX_CURSOR_PAGE).contains(&cursor.limit) && CURSOR_PAGE <= MAX_CURSOR_PAGE);
        let (place, limit) = parameters.place();
        assert!(place.is_none_or(|place| (0..=MAX_PLACE).contains(&place)) && limit >= 1);
    });
    read(&mut |parameters| {
        let period = parameters.period();
        for end in [period.from, period.to].into_iter().flatten() {
            assert!(end.milliseconds() >= 0);
        }
        assert!(parameters.search().is_none_or(|text| text.chars().count() <= MAX_SEARCH));
        assert!(parameters.text("affiliate_id").is_none_or(|text| text.chars().count() <= MAX_TEXT));
    });
    read(&mut |parameters| {
        let known = [("affiliate", 1), ("referral", 2)];
        assert!(parameters.expand(&known).len() <= known.len());
        let _ = parameters.sort(&[("created_at", 1)], Sort { by: 1, descending: true });
    });
}
