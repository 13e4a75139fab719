//! What the command knows of its installation: `clickledger.toml`, which may be committed, and keys, which may not: they
//! come from `CLICKLEDGER_API_KEY` and `STRIPE_API_KEY`, or from `.clickledger.env` beside that file.
//!
//! An argument beats the environment, and that beats the files. A key in `clickledger.toml` is refused.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use attribution::keys::KeyForm;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::problem::Problem;

/// The settings, looked for from the working directory upwards.
pub const FILE: &str = "clickledger.toml";

/// The secrets, beside [`FILE`].
pub const SECRETS_FILE: &str = ".clickledger.env";

/// The environment's name for the API key, in [`SECRETS_FILE`] too.
pub const KEY_VARIABLE: &str = "CLICKLEDGER_API_KEY";

/// The same for the payment provider's key, with which its invoices are read.
pub const STRIPE_KEY_VARIABLE: &str = "STRIPE_API_KEY";

/// `clickledger.toml`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the API answers.
    pub url: Option<String>,
    /// The site whose pages load the tracker.
    pub site: Option<String>,
    /// The operator's own database.
    pub database: Option<DatabaseSettings>,
}

/// Which database `wrangler` is to act on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// The hosted one, or the one of `make dev`.
    pub location: Location,
    /// Where wrangler.toml is, relative to this file; beside it unless set.
    pub directory: Option<PathBuf>,
    /// Of a local one: the folder of its state, relative to this file.
    pub persist_to: Option<PathBuf>,
    /// Of a hosted one: which environment of wrangler.toml it belongs to; `production` unless set.
    pub environment: Option<String>,
}

/// Where a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// On this machine, as `make dev` has it
    Local,
    /// At Cloudflare
    Remote,
}

/// Everything that is known.
#[derive(Debug)]
pub struct Settings {
    /// The settings' file, where there is one.
    pub file: Option<PathBuf>,
    /// What paths in it are relative to.
    pub directory: PathBuf,
    /// Where the API answers.
    pub url: Option<Url>,
    /// The site whose pages load the tracker.
    pub site: Option<Url>,
    /// The operator's database.
    pub database: Option<DatabaseSettings>,
    /// The API key.
    pub key: Option<Key>,
    /// The payment provider's.
    pub stripe_key: Option<Key>,
}

/// An API key and where it came from.
#[derive(Clone)]
pub struct Key {
    /// The key. Never printed.
    pub value: String,
    /// For people.
    pub source: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a key from {}", self.source)
    }
}

impl Settings {
    /// Reads everything. `file` and `url` are arguments of the call, or of the environment.
    pub fn load(file: Option<&Path>, url: Option<&str>) -> Result<Self, Problem> {
        let working = env::current_dir().map_err(Problem::file("."))?;
        let path = file.map(Path::to_owned).or_else(|| nearest(&working));
        let directory = path.as_deref().and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.map_or(working, Path::to_owned);
        let read = path.as_deref().map(read).transpose()?.unwrap_or_default();
        let url = url.map(|text| (text, "--url")).or(read.url.as_deref().map(|text| (text, FILE)));
        Ok(Self {
            url: url.map(|(text, place)| address(text, place)).transpose()?,
            site: read.site.as_deref().map(|text| address(text, FILE)).transpose()?,
            database: read.database,
            key: secret(&directory, KEY_VARIABLE)?,
            stripe_key: secret(&directory, STRIPE_KEY_VARIABLE)?,
            file: path,
            directory,
        })
    }

    /// Where the API answers, or what to do so that this is known.
    pub fn api_url(&self) -> Result<&Url, Problem> {
        self.url.as_ref().ok_or_else(|| {
            let fix = "Run `clickledger init --url https://YOUR-HOST`, or set CLICKLEDGER_URL.";
            Problem::settings("no_config", format!("no {FILE} here or above, and no --url"), fix)
        })
    }
}

fn nearest(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}

fn read(path: &Path) -> Result<File, Problem> {
    parse(&fs::read_to_string(path).map_err(Problem::file(path))?, path)
}

fn parse(text: &str, path: &Path) -> Result<File, Problem> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    if words.into_iter().any(|word| KeyForm::of(word).is_some()) {
        let what = format!("{}: an API key stands in a file that is meant to be committed", path.display());
        let fix =
            format!("Move it to {SECRETS_FILE} as {KEY_VARIABLE}=…, and rotate it if the file was ever committed.");
        return Err(Problem::settings("key_in_config", what, fix));
    }
    toml::from_str(text).map_err(|cause| {
        let what = format!("{}: {}", path.display(), cause.to_string().trim_end());
        Problem::settings(
            "bad_config",
            what,
            "Correct that line; `clickledger init --help` shows what may stand there.",
        )
    })
}

/// An address of a server: http or https, nothing behind the host and port.
pub fn address(text: &str, place: &str) -> Result<Url, Problem> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.filter(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty());
    url.ok_or_else(|| {
        let what = format!("{place}: {text:?} is no address of a server");
        Problem::settings("bad_url", what, "Write scheme and host and nothing else, like https://track.example.com.")
    })
}

/// The key of this name: the environment's, else the file's.
fn secret(directory: &Path, wanted: &str) -> Result<Option<Key>, Problem> {
    if let Ok(value) = env::var(wanted)
        && !value.trim().is_empty()
    {
        return Ok(Some(Key { value: value.trim().to_owned(), source: format!("the environment ({wanted})") }));
    }
    let path = directory.join(SECRETS_FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let unreadable = |cause: dotenvy::Error| {
        let what = format!("{}: {cause}", path.display());
        Problem::settings("bad_secrets_file", what, format!("Write one line: {KEY_VARIABLE}=sk_live_…"))
    };
    for entry in dotenvy::from_path_iter(&path).map_err(unreadable)? {
        let (name, value) = entry.map_err(unreadable)?;
        if name == wanted && !value.trim().is_empty() {
            return Ok(Some(Key { value: value.trim().to_owned(), source: path.display().to_string() }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_things_are() {
        let text = "url = \"https://t.example\"\nsite = \"https://shop.example\"\n[database]\nlocation = \"remote\"\n";
        let file = parse(text, Path::new(FILE)).unwrap();
        assert_eq!(file.url.as_deref(), Some("https://t.example"));
        assert_eq!(file.database.unwrap().location, Location::Remote);
    }

    #[test]
    fn a_key_in_the_file_is_refused_wherever_it_stands() {
        for key in ["sk_live_0123456789abcdefghij", "aff_0123456789abcdefghij"] {
            for text in [format!("key = \"{key}\""), format!("# old: {key}"), format!("url = \"https://x/?k={key}\"")] {
                let problem = parse(&text, Path::new(FILE)).unwrap_err();
                assert!(problem.to_string().contains("an API key stands in"), "{problem}");
                assert!(!problem.to_string().contains(key) && !problem.fix().unwrap().contains(key));
            }
        }
    }

    #[test]
    fn what_no_setting_is_called_is_named_with_its_line() {
        let problem = parse("url = \"https://t.example\"\nsites = 1\n", Path::new(FILE)).unwrap_err();
        assert!(problem.to_string().contains("line 2") && problem.to_string().contains("sites"), "{problem}");
    }

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for good in ["https://t.example", "http://127.0.0.1:8787/", "https://t.example/"] {
            assert!(address(good, "url").is_ok(), "{good}");
        }
        for bad in
            ["t.example", "ftp://t.example", "https://t.example/v1", "https://t.example?a", "https://a@t.example", ""]
        {
            assert!(address(bad, "url").is_err(), "{bad}");
        }
    }
}
