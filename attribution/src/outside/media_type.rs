//! `Content-Type`: whether a body says that it is JSON. One that says nothing is taken for it.

use super::BodyProblem;

/// What is wrong with the header's value.
pub fn check(value: &str) -> Result<(), BodyProblem> {
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || kind.ends_with("+json") {
        return Ok(());
    }
    Err(BodyProblem::of("Content-Type", "must be application/json"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn json_is_called_so() {
        for value in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(check(value).is_ok(), "{value}");
        }
        for value in ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp", "json"] {
            assert_eq!(check(value).unwrap_err().message(), "Content-Type: must be application/json", "{value}");
        }
    }
}
