//! Keys: their forms, their checksum, what is shown of them, and what they may give to others.

use proptest::prelude::*;

use super::*;

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(self.0);
    }
}

struct Given([u8; 32]);

impl Random for Given {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (byte, given) in bytes.iter_mut().zip(self.0) {
            *byte = given;
        }
        self.0.rotate_left(bytes.len());
    }
}

#[test]
fn a_minted_key_has_its_form() {
    for form in KeyForm::ALL {
        let key = form.mint(&mut Counting(0));
        assert_eq!(KeyForm::of(&key), Some(form), "{key}");
        assert_eq!(key.len(), form.prefix().len() + 1 + 44 + 6);
        assert_eq!(KeyForm::of_columns(form.kind(), form.is_test()), Some(form));
        assert_eq!(KeyForm::from_word(form.as_str()), Some(form));
    }
}

#[test]
fn other_texts_have_none() {
    for text in ["", "sk_live_", "sk_live_short", "sk_dev_0123456789abcdef", "Bearer x", "sk_live_0123456789abcde!"] {
        assert_eq!(KeyForm::of(text), None, "{text}");
        assert!(!is_whole(text), "{text}");
    }
}

#[test]
fn the_checksum_is_of_everything_before_it() {
    // By hand: the first four bytes of `printf %s "aff_0…0" | sha256sum` (44 zeros) as a number in base62.
    let body = format!("aff_{}", "0".repeat(44));
    let digest = Sha256::digest(body.as_bytes());
    let mut rest = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut expected = Vec::new();
    for _ in 0..6 {
        expected.insert(0, digits.as_bytes()[(rest % 62) as usize]);
        rest /= 62;
    }
    assert!(is_whole(&format!("{body}{}", String::from_utf8(expected).unwrap())));
    // The same secret under another prefix is another key.
    assert!(!is_whole(&format!("sk_live_{}{}", "0".repeat(44), &checksum(&body))));
}

#[test]
fn a_key_from_before_the_checksum_is_whole_and_one_of_another_length_is_not() {
    assert!(is_whole(&format!("sk_test_{}", "a".repeat(44))));
    for length in [16, 43, 45, 49, 51, 100] {
        assert!(!is_whole(&format!("sk_test_{}", "a".repeat(length))), "{length}");
    }
}

#[test]
fn a_mask_shows_the_form_and_four_characters() {
    let key = format!("sk_live_{}x7Kd", "a".repeat(46));
    assert_eq!(masked(&key), "sk_live_…x7Kd");
    assert_eq!(masked(&format!("aff_{}Zz09", "b".repeat(40))), "aff_…Zz09");
}

#[test]
fn the_hash_is_sha_256() {
    // The published test vector for "abc" (FIPS 180-2).
    assert_eq!(key_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn every_scope_has_a_name_of_its_own() {
    for scope in KeyScope::ALL {
        assert_eq!(KeyScope::from_word(scope.as_str()), Some(scope));
    }
    let mut sorted = KeyScope::ALL.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, KeyScope::ALL);
    assert_eq!(KeyScope::from_word("read:everything"), None);
}

#[test]
fn scopes_are_a_list_in_json_and_everything_is_null() {
    let scopes: Scopes = serde_json::from_str(r#"["write:keys","read:affiliates","write:keys"]"#).unwrap();
    assert_eq!(scopes, Scopes::Only(vec![KeyScope::ReadAffiliates, KeyScope::WriteKeys]));
    assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["read:affiliates","write:keys"]"#);
    assert_eq!(serde_json::to_string(&Scopes::Everything).unwrap(), "null");
    assert_eq!(serde_json::from_str::<Scopes>("null").unwrap(), Scopes::Everything);
    assert_eq!(serde_json::from_str::<Scopes>("[]").unwrap(), Scopes::Only(vec![]));
    assert!(serde_json::from_str::<Scopes>(r#"["read:everything"]"#).is_err());
}

fn scopes() -> impl Strategy<Value = Scopes> {
    let some = proptest::sample::subsequence(KeyScope::ALL.to_vec(), 0..=KeyScope::ALL.len()).prop_map(Scopes::Only);
    prop_oneof![1 => Just(Scopes::Everything), 4 => some]
}

proptest! {
    #[test]
    fn what_a_key_may_give_allows_nothing_that_it_may_not(own in scopes(), given in scopes()) {
        if own.cover(&given) {
            for scope in KeyScope::ALL {
                prop_assert!(own.allow(scope) || !given.allow(scope));
            }
            // What is added to everything later must not come by way of a key that has less.
            prop_assert!(own == Scopes::Everything || given != Scopes::Everything);
        }
        prop_assert!(own.cover(&own));
    }

    #[test]
    fn one_wrong_character_is_seen(bytes: [u8; 32], place in 0_usize..50, digit in "[0-9A-Za-z]") {
        let key = KeyForm::Live.mint(&mut Given(bytes));
        prop_assert!(is_whole(&key));
        let at = "sk_live_".len() + place;
        let mut wrong = key.clone();
        wrong.replace_range(at..=at, &digit);
        prop_assert_eq!(is_whole(&wrong), wrong == key);
    }
}
