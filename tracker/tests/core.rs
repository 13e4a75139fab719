//! The core through the functions that JavaScript calls: natively with `cargo test`, and the same tests in a real
//! browser with `cargo test --target wasm32-unknown-unknown`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::{Mutex, PoisonError};

use tracker::output::{self, CAPACITY};
use tracker::{exports, text};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

/// Calls one function with a record, as a page does, and returns what it leaves.
fn ask(record: &[&str], call: impl FnOnce(u16) -> usize) -> String {
    // Native tests run in threads; a page has one.
    static CALLING: Mutex<()> = Mutex::new(());
    let _alone = CALLING.lock().unwrap_or_else(PoisonError::into_inner);
    output::read(call(text::fill(&record.join("\n"))))
}

const NAMES: &str = "aff,via,ref,atp,affonso";

/// What a landing on `url` sends and what it is remembered as, if it is a click.
fn click(url: &str, known: &str) -> Option<(String, String)> {
    let answer = ask(&[url, NAMES, known], exports::click_body);
    let (body, landing) = answer.split_once('\n')?;
    Some((body.to_owned(), landing.to_owned()))
}

fn partner(url: &str) -> Option<String> {
    let (body, _) = click(url, "")?;
    let (_, partner) = body.split_once("\"partner_code\":\"")?;
    Some(partner.strip_suffix("\"}")?.to_owned())
}

#[test]
fn each_name_of_the_referral_parameter_is_found() {
    for name in NAMES.split(',') {
        let url = format!("https://shop.example/pricing?x=1&{name}=jane#top");
        assert_eq!(partner(&url).as_deref(), Some("jane"), "{name}");
    }
}

#[test]
fn the_order_of_names_decides_not_the_order_in_the_address() {
    let url = "https://shop.example/?ref=second&aff=first";
    assert_eq!(partner(url).as_deref(), Some("first"));
}

#[test]
fn names_are_configurable() {
    let url = "https://shop.example/?partner=jane&aff=other";
    let answer = ask(&[url, "partner", ""], exports::click_body);
    assert!(answer.contains(r#""partner_code":"jane""#), "{answer}");
    assert_eq!(ask(&[url, "", ""], exports::click_body), "");
}

#[test]
fn an_empty_parameter_counts_as_none() {
    assert_eq!(partner("https://shop.example/?aff="), None);
    assert_eq!(partner("https://shop.example/?aff"), None);
    assert_eq!(partner("https://shop.example/?aff=&via=jane").as_deref(), Some("jane"));
}

#[test]
fn nothing_is_found_outside_the_query() {
    for url in [
        "https://shop.example/aff=jane",
        "https://shop.example/#?aff=jane",
        "https://shop.example/?staff=jane&AFF=jane&af=jane",
        "aff=jane",
        "",
    ] {
        assert_eq!(partner(url), None, "{url}");
    }
}

#[test]
fn a_partner_is_decoded_as_a_query_is_read() {
    for (encoded, decoded) in [
        ("a%20b+c", "a b c"),
        ("j%C3%b6rg", "jörg"),
        ("100%", "100%"),
        ("%4", "%4"),
        ("%zz%41", "%zzA"),
        ("%22%5C", "\\\"\\\\"),
        ("%0a%00", "\\u000A\\u0000"),
        ("%ff", "\u{fffd}"),
    ] {
        let url = format!("https://shop.example/?aff={encoded}");
        assert_eq!(partner(&url).as_deref(), Some(decoded), "{encoded}");
    }
}

#[test]
fn the_same_partner_is_no_second_click() {
    let known = "https://shop.example/?aff=ja%20ne";
    for url in [
        "https://shop.example/?aff=ja%20ne",
        "https://shop.example/pricing?x=1&aff=ja%20ne",
        "https://shop.example/?via=ja%20ne#top",
    ] {
        assert_eq!(click(url, known), None, "{url}");
    }
}

#[test]
fn another_partner_is_a_click() {
    for known in ["", "https://shop.example/?aff=jane", "https://shop.example/?aff=joey", "nonsense"] {
        assert!(click("https://shop.example/?aff=joe", known).is_some(), "{known}");
    }
}

#[test]
fn a_landing_is_remembered_without_the_rest_of_its_query() {
    let url = "https://shop.example/reset?token=secret&via=a%20b&utm_source=x#top";
    assert_eq!(click(url, "").unwrap().1, "https://shop.example/reset?via=a%20b");
}

#[test]
fn what_is_remembered_fits_a_cookie() {
    let url = format!("https://shop.example/{0}?via={0}", "x".repeat(5000));
    assert!(click(&url, "").unwrap().1.len() < 3000);
}

#[test]
fn a_click_tells_the_landing_the_partner_and_the_page() {
    let answer = ask(
        &[
            "https://shop.example/?aff=jane",
            NAMES,
            "",
            "ref_1",
            "prog_1",
            "https://shop.example/",
            "Shop \"one\"",
            "https://blog.example/",
            "en-GB",
            "Europe/Berlin",
            "1920x1080",
            "1280x720",
        ],
        exports::click_body,
    );
    let body = concat!(
        r#"{"affiliate_url":"https://shop.example/?aff=jane","partner_code":"jane","existing_click_id":"ref_1","#,
        r#""program_id":"prog_1","page_url":"https://shop.example/","page_title":"Shop \"one\"","#,
        r#""referrer_url":"https://blog.example/","language":"en-GB","timezone":"Europe/Berlin","#,
        r#""screen_resolution":"1920x1080","viewport_size":"1280x720"}"#
    );
    assert_eq!(answer, format!("{body}\nhttps://shop.example/?aff=jane"));
}

#[test]
fn a_sign_up_tells_the_click_and_the_customer() {
    let record = ["ref_1", "user_123", "user@example.com", "https://shop.example/signup", "prog_1", "e1"];
    assert_eq!(
        ask(&record, exports::lead_body),
        concat!(
            r#"{"click_id":"ref_1","customer_key":"user_123","email":"user@example.com","#,
            r#""page_url":"https://shop.example/signup","program_id":"prog_1","event_id":"e1"}"#
        )
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    assert_eq!(
        ask(&["ref_1", "", "user@example.com"], exports::lead_body),
        r#"{"click_id":"ref_1","email":"user@example.com"}"#
    );
    assert_eq!(ask(&[""], exports::lead_body), "{}");
}

#[test]
fn what_json_forbids_in_a_string_is_escaped() {
    assert_eq!(
        ask(&["q\" b\\ t\t nul\0 us\u{1f} del\u{7f} é 漢 </script>"], exports::lead_body),
        "{\"click_id\":\"q\\\" b\\\\ t\\u0009 nul\\u0000 us\\u001F del\u{7f} é 漢 </script>\"}"
    );
}

#[test]
fn the_longest_record_makes_a_whole_body() {
    // Control characters grow the most: one byte becomes six.
    let widest = "\u{1}".repeat(5000);
    let url = format!("https://shop.example/?aff={}", "%01".repeat(1500));
    let mut record = vec![url.as_str(), "aff", ""];
    record.extend([widest.as_str(); 9]);
    let answer = ask(&record, exports::click_body);
    let (body, landing) = answer.split_once('\n').unwrap();
    assert!(body.ends_with("\"}") && landing.contains("?aff="));
    assert!(answer.len() < CAPACITY);
}

#[test]
fn a_record_beyond_the_buffer_is_cut() {
    let body = ask(&["ref_1", &"x".repeat(100_000)], exports::lead_body);
    assert!(body.ends_with("\"}"));
}

/// The lines tried one after the other on `host`.
fn cookie_lines(value: &str, host: &str, days: u32, secure: bool) -> Vec<String> {
    (2..9)
        .map(|labels| ask(&["id", value, host], |length| exports::cookie_line(length, days, labels, secure)))
        .take_while(|line| !line.is_empty())
        .collect()
}

fn tried_domains(host: &str) -> Vec<String> {
    let domain = |line: &String| line.split_once("; domain=").map_or("", |(_, domain)| domain).to_owned();
    cookie_lines("1", host, 60, false).iter().map(domain).collect()
}

#[test]
fn domains_go_from_the_widest_to_the_host_alone() {
    assert_eq!(tried_domains("www.shop.co.uk"), ["co.uk", "shop.co.uk", "www.shop.co.uk", ""]);
    assert_eq!(tried_domains("shop.example"), ["shop.example", ""]);
}

#[test]
fn a_host_without_domains_is_tried_alone() {
    for host in ["localhost", "127.0.0.1", "[::1]", "10.1.2.30", ""] {
        assert_eq!(tried_domains(host), [""], "{host}");
    }
}

#[test]
fn a_cookie_line_carries_every_attribute() {
    assert_eq!(cookie_lines("1", "localhost", 60, true), ["id=1; path=/; SameSite=Lax; max-age=5184000; Secure"]);
    assert_eq!(
        cookie_lines("1", "shop.example", 9999, true)[0],
        "id=1; path=/; SameSite=Lax; max-age=34560000; domain=shop.example; Secure"
    );
}

#[test]
fn a_value_cannot_break_out_of_its_cookie() {
    assert_eq!(
        cookie_lines("a;b,c \"\\\ré%20?x=1&y", "localhost", 1, false),
        ["id=a%3Bb%2Cc%20%22%5C%0D%C3%A9%20?x=1&y; path=/; SameSite=Lax; max-age=86400"]
    );
}

#[test]
fn an_answer_that_will_not_change_is_final() {
    for status in [200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 422] {
        assert_eq!(exports::retry_delay(status, 1), 0, "{status}");
    }
}

#[test]
fn a_passing_failure_is_tried_again() {
    for status in [0, 408, 429, 500, 502, 503, 504, 530] {
        assert!(exports::retry_delay(status, 1) > 0, "{status}");
    }
}

#[test]
fn waits_grow_and_three_attempts_fit_into_five_seconds() {
    let delays: Vec<_> = (1..=8).map(|attempt| exports::retry_delay(503, attempt)).collect();
    assert!(delays[0] + delays[1] < 5_000);
    assert!(delays.is_sorted());
    assert_eq!(delays[6], delays[7]);
    assert_eq!(delays[7], exports::retry_delay(503, u32::MAX));
}

#[cfg(target_arch = "wasm32")]
mod in_a_page {
    use super::{ask, exports, test};
    use wasm_bindgen::JsCast;

    fn document() -> web_sys::HtmlDocument {
        web_sys::window().unwrap().document().unwrap().unchecked_into()
    }

    #[test]
    fn a_cookie_comes_back_as_it_was_set() {
        let landing = "https://shop.example/?aff=jane;x";
        let line = ask(&["affitor_aff_url", landing, "127.0.0.1"], |length| exports::cookie_line(length, 1, 2, false));
        document().set_cookie(&line).unwrap();
        let cookies = document().cookie().unwrap();
        assert!(cookies.contains("affitor_aff_url=https://shop.example/?aff=jane%3Bx"), "{cookies}");
    }
}
