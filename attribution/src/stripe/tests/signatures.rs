//! The signature's vectors: made by hand with `printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac SECRET`.

use crate::stripe::{Refused, verify};
use crate::time::Timestamp;

const BODY: &[u8] = br#"{"id":"evt_1"}"#;
const SECRET: &str = "whsec_test_secret";
const V1: &str = "799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f";
const OLDER: &str = "whsec_older_secret";
const V1_OLDER: &str = "895a2b083d0a9a17b1d7c20f6a8de18c7cb9335b2950a2205051f61333ecc277";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds * 1000)
}

fn check(header: &str, secrets: &[&str]) -> Result<usize, Refused> {
    verify(header, BODY, secrets, at(1_492_774_577))
}

#[test]
fn a_signature_names_the_secret_that_made_it() {
    let header = format!("t=1492774577,v1={V1}");
    assert_eq!(check(&header, &[SECRET]), Ok(0));
    assert_eq!(check(&header, &[OLDER, SECRET]), Ok(1));
    assert_eq!(check(&header, &[OLDER]), Err(Refused::NoMatch));
    assert_eq!(check(&header, &[]), Err(Refused::NoMatch));
}

#[test]
fn any_of_several_signatures_is_enough_and_other_schemes_are_passed_over() {
    let header = format!(
        "t=1492774577, v1={V1_OLDER},v1={V1},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"
    );
    assert_eq!(check(&header, &[SECRET]), Ok(0));
    assert_eq!(check(&header, &[OLDER]), Ok(0));
    assert_eq!(check(&format!("t=1492774577,v0={V1}"), &[SECRET]), Err(Refused::Malformed));
}

#[test]
fn a_signature_holds_for_five_minutes_both_ways() {
    let header = format!("t=1492774577,v1={V1}");
    let verified = |now: i64| verify(&header, BODY, &[SECRET], at(now)).is_ok();
    for (offset, holds) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        assert_eq!(verified(1_492_774_577 + offset), holds, "{offset}");
    }
    assert_eq!(verify(&header, BODY, &[SECRET], at(1_492_774_900)), Err(Refused::TooOld));
}

#[test]
fn what_was_signed_is_the_moment_as_it_is_written_and_every_byte_of_the_body() {
    let header = format!("t=1492774577,v1={V1}");
    assert_eq!(verify(&header, br#"{"id":"evt_2"}"#, &[SECRET], at(1_492_774_577)), Err(Refused::NoMatch));
    assert_eq!(verify(&header, br#"{"id": "evt_1"}"#, &[SECRET], at(1_492_774_577)), Err(Refused::NoMatch));
    assert_eq!(check(&format!("t=1492774578,v1={V1}"), &[SECRET]), Err(Refused::NoMatch));
    assert_eq!(check(&format!("t=01492774577,v1={V1}"), &[SECRET]), Err(Refused::NoMatch));
}

#[test]
fn a_header_that_is_none_is_malformed() {
    let short = &V1[..63];
    for header in
        ["", "t=", "v1=", "t=1492774577", &format!("v1={V1}"), &format!("t=x,v1={V1}"), &format!("t=-1,v1={V1}")]
    {
        assert_eq!(check(header, &[SECRET]), Err(Refused::Malformed), "{header}");
    }
    for odd in [short.to_owned(), "zz".repeat(32), "é".repeat(32)] {
        assert_eq!(check(&format!("t=1492774577,v1={odd}"), &[SECRET]), Err(Refused::Malformed), "{odd}");
    }
    let more_than_any_clock = format!("t=99999999999999999999,v1={V1}");
    assert_eq!(check(&more_than_any_clock, &[SECRET]), Err(Refused::Malformed));
    assert_eq!(check(&format!("t=9223372036854775807,v1={V1}"), &[SECRET]), Err(Refused::TooOld));
}
