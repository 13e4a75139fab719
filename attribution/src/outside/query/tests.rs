//! What each parameter may be, and what is said of what it may not be.

use super::*;

fn read<T>(query: &str, read: impl FnOnce(&mut Parameters) -> T) -> Result<T, String> {
    let url = Url::parse(&format!("https://ledger.example/v1/list?{query}")).unwrap();
    let mut parameters = Parameters::of(&url);
    let value = read(&mut parameters);
    parameters.finish(value).map_err(|problem| problem.message())
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_page_is_the_first_one_of_fifty_unless_it_is_sent() {
    assert_eq!(read("", Parameters::page), Ok(Page { number: 1, limit: 50 }));
    assert_eq!(read("page=3&limit=200", Parameters::page), Ok(Page { number: 3, limit: 200 }));
    for wrong in ["page=0", "page=-1", "page=x", "page=", "page=1.5", "page=4294967296"] {
        assert_eq!(read(wrong, Parameters::page), Err("page: must be a number from 1 on".to_owned()), "{wrong}");
    }
    for wrong in ["limit=0", "limit=201", "limit=", "limit=ten", "limit=-5"] {
        let expected = Err("limit: must be a number from 1 to 200".to_owned());
        assert_eq!(read(wrong, Parameters::page), expected, "{wrong}");
    }
}

#[test]
fn a_cursor_is_the_newest_ten_unless_it_says_otherwise() {
    let newest = Cursor { limit: 10, descending: true, place: None };
    assert_eq!(read("", Parameters::cursor), Ok(newest.clone()));
    let after = Cursor { place: Some(Place::After("ref_1".to_owned())), ..newest.clone() };
    assert_eq!(read("starting_after=ref_1", Parameters::cursor), Ok(after));
    let before = Cursor { limit: 100, descending: false, place: Some(Place::Before("ref_1".to_owned())) };
    assert_eq!(read("ending_before=ref_1&order=asc&limit=100", Parameters::cursor), Ok(before));
    assert!(read("ending_before=a&starting_after=b", Parameters::cursor).is_err());
    assert!(read("order=up", Parameters::cursor).is_err());
    assert!(read("limit=101", Parameters::cursor).is_err());
}

#[test]
fn a_sort_is_a_known_column_in_either_writing() {
    let columns = [("created_at", 'c'), ("name", 'n')];
    let default = Sort { by: 'c', descending: true };
    let sort = |query: &str| read(query, |parameters| parameters.sort(&columns, default));
    let by = |by, descending| Ok(Sort { by, descending });
    assert_eq!(sort(""), by('c', true));
    assert_eq!(sort("sort=name"), by('n', false));
    assert_eq!(sort("sort=-name"), by('n', true));
    assert_eq!(sort("sort=name:desc"), by('n', true));
    assert_eq!(sort("sort=createdAt:asc"), by('c', false));
    for wrong in ["sort=", "sort=email", "sort=name:down", "sort=-name:asc", "sort=--name"] {
        assert!(sort(wrong).unwrap_err().starts_with("sort: must be one of created_at, name"), "{wrong}");
    }
}

#[test]
fn an_expansion_that_is_not_known_is_told_with_those_that_are() {
    let known = [("affiliate", 1), ("referral", 2)];
    let expand = |query: &str| read(query, |parameters| parameters.expand(&known));
    assert_eq!(expand(""), Ok(vec![]));
    assert_eq!(expand("expand="), Ok(vec![]));
    assert_eq!(expand("expand=referral,%20affiliate,referral"), Ok(vec![2, 1]));
    assert_eq!(expand("expand=referral&expand=affiliate"), Ok(vec![2, 1]));
    let expected = "expand: knows affiliate, referral, and not program, Referral";
    assert_eq!(expand("expand=program,affiliate,Referral"), Err(expected.to_owned()));
    let include = read("expand=x&include=referral", |parameters| parameters.include(&known));
    assert_eq!(include, Ok(vec![2]));
    let include = read("include=stats", |parameters| parameters.include(&known));
    assert_eq!(include, Err("include: knows affiliate, referral, and not stats".to_owned()));
}

#[test]
fn a_date_is_its_whole_day() {
    let from_to = |from, to| Ok(Period { from: Some(moment(from)), to: Some(moment(to)) });
    assert_eq!(read("", Parameters::period), Ok(Period::default()));
    assert_eq!(
        read("dateFrom=2024-01-20&dateTo=2024-02-29", Parameters::period),
        from_to("2024-01-20T00:00:00Z", "2024-02-29T23:59:59.999Z")
    );
    assert_eq!(
        read("created_gte=2024-01-20T15:30:00Z&createdLte=2024-01-20T15:30:00%2B02:00", Parameters::period),
        from_to("2024-01-20T15:30:00Z", "2024-01-20T13:30:00Z")
    );
    for wrong in ["dateTo=2024-02-30", "dateTo=", "dateTo=tomorrow", "dateTo=2024-01-20T15:30:00", "dateTo=2024"] {
        assert!(read(wrong, Parameters::period).unwrap_err().starts_with("dateTo: must be a date"), "{wrong}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let problem = read("page=0&dateFrom=x&search=ok", |parameters| {
        parameters.page();
        parameters.period();
        parameters.search();
    });
    let problem = problem.unwrap_err();
    assert!(problem.contains("page:") && problem.contains("dateFrom:"), "{problem}");
}
