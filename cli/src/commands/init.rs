//! `init`: writes `clickledger.toml`, which may be committed, and an empty `.clickledger.env` for the key, which git ignores
//! from then on.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::arguments::Init;
use crate::config::{self, DatabaseSettings, FILE, KEY_VARIABLE, SECRETS_FILE, address};
use crate::database::write_private;
use crate::output::Output;
use crate::problem::Problem;

/// Writes both files; settings that are there stay, unless they are to be replaced, and a key always stays.
pub fn write(init: &Init, file: Option<&Path>, url: Option<&str>, output: Output) -> Result<(), Problem> {
    let path = file.map_or_else(|| PathBuf::from(FILE), Path::to_owned);
    let Some(url) = url else {
        let fix = "Say where the service is: clickledger init --url https://YOUR-HOST";
        return Err(Problem::settings("no_url", "--url is missing", fix));
    };
    let url = address(url, "--url")?;
    let site = init.site.as_deref().map(|site| address(site, "--site")).transpose()?;
    if path.exists() && !init.force {
        let what = format!("{}: is there already", path.display());
        return Err(Problem::settings("config_exists", what, "Edit it, or replace it with --force."));
    }
    let settings = config::File {
        url: Some(origin(&url)),
        site: site.as_ref().map(origin),
        database: init.on.map(|location| DatabaseSettings {
            location,
            directory: init.directory.clone(),
            persist_to: init.persist_to.clone(),
            environment: None,
        }),
    };
    fs::write(&path, text(&settings)?).map_err(Problem::file(&path))?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let secrets = folder.join(SECRETS_FILE);
    if !secrets.exists() {
        write_private(&secrets, &format!("# The API key. Never commit this file.\n{KEY_VARIABLE}=\n"))?;
    }
    ignore(&folder)?;
    let said = format!(
        "wrote {}\nNow put the key into {} ({KEY_VARIABLE}=sk_live_…), or set it in the environment; then: clickledger doctor",
        path.display(),
        secrets.display()
    );
    output.document(&json!({ "config": path, "secrets": secrets }), &said)
}

fn origin(url: &url::Url) -> String {
    url.origin().ascii_serialization()
}

fn text(settings: &config::File) -> Result<String, Problem> {
    let table = toml::to_string(settings).map_err(|cause| {
        Problem::settings(
            "bad_config",
            format!("the settings cannot be written: {cause}"),
            "Use plain names and paths.",
        )
    })?;
    Ok(format!(
        "# Where Clickledger is. No secret belongs here: the API key is in {SECRETS_FILE} or in {KEY_VARIABLE}.\n{table}"
    ))
}

/// Adds the secrets' file to what git ignores in its folder.
fn ignore(folder: &Path) -> Result<(), Problem> {
    let path = folder.join(".gitignore");
    let before = if path.exists() { fs::read_to_string(&path).map_err(Problem::file(&path))? } else { String::new() };
    if before.lines().any(|line| line.trim().trim_start_matches('/') == SECRETS_FILE) {
        return Ok(());
    }
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    fs::write(&path, format!("{before}{end}{SECRETS_FILE}\n")).map_err(Problem::file(&path))
}
