//! What fuzzing looks at: one module for each target in `targets/`, which libFuzzer drives (`make fuzz-parsers`). Every one
//! also runs over its seeds in the ordinary tests (`tests/seeds.rs`), so that it keeps compiling and its assertions hold.

pub mod addresses;
pub mod amounts;
pub mod bodies;
pub mod headers;
pub mod moments;
pub mod names;
pub mod paths;
pub mod queries;
pub mod rates_file;
pub mod tracker_core;
pub mod visits;

/// Looks at one input.
pub type Look = fn(&[u8]);

/// Every target by its name, which is that of its seeds' folder too.
pub const TARGETS: &[(&str, Look)] = &[
    ("addresses", addresses::look),
    ("amounts", amounts::look),
    ("bodies", bodies::look),
    ("headers", headers::look),
    ("moments", moments::look),
    ("names", names::look),
    ("paths", paths::look),
    ("queries", queries::look),
    ("rates_file", rates_file::look),
    ("tracker_core", tracker_core::look),
    ("visits", visits::look),
];
