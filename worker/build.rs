//! Tells the Worker which migration is the newest, so that `/healthz` can say whether the database has it.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../migrations");
    let names: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    let newest = names
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "sql"))
        .max()
        .unwrap_or_default();
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rustc-env=NEWEST_MIGRATION={newest}");
    Ok(())
}
