//! Every target over its seeds, in the ordinary tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use parsers_fuzz::TARGETS;

fn names_in(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.map(|name| name.trim_end_matches(".rs").to_owned()).collect()
}

#[test]
fn every_target_has_seeds_and_a_driver() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("targets"), known);
    assert_eq!(names_in("seeds"), known);
}

#[test]
fn every_target_bears_its_seeds() {
    for (name, look) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
        for seed in fs::read_dir(folder).unwrap() {
            let bytes = fs::read(seed.unwrap().path()).unwrap();
            look(&bytes);
            // And broken off, and with a bit turned.
            for place in 0..bytes.len() {
                look(&bytes[..place]);
                let mut turned = bytes.clone();
                turned[place] ^= 1 << (place % 8);
                look(&turned);
            }
        }
    }
}
