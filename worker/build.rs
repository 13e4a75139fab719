//! Tells the Worker which migration is the newest, so that `/healthz` can say whether the database has it.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../migrations");
    let files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let migrations = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let names = migrations.filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
    let newest = names.max().unwrap_or_default();
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rustc-env=NEWEST_MIGRATION={newest}");
    Ok(())
}
