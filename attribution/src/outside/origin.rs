//! Origins of pages: what an owner allows is written exactly as browsers send it, and compared as text.

use url::Url;

use super::Fields;

/// Takes a list of origins.
pub fn origins(fields: &mut Fields, field: &str, sent: Vec<String>) -> Vec<String> {
    let origins = fields.texts(field, Some(sent));
    for (place, origin) in origins.iter().enumerate() {
        let message = match written(origin) {
            Some(written) if written == *origin => continue,
            Some(written) => format!("{origin} is no web origin: {written} would be"),
            None => format!("{origin} is no web origin, like https://shop.example"),
        };
        fields.refuse(&format!("{field}[{place}]"), message);
    }
    origins
}

/// The origin of an address on the web, as a browser would send it; `None` for anything else.
pub fn written(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (address, expected) in [
            ("https://shop.example", Some("https://shop.example")),
            ("https://SHOP.example:443/x?y", Some("https://shop.example")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("https://b\u{fc}cher.example", Some("https://xn--bcher-kva.example")),
            ("null", None),
            ("*", None),
            ("file:///etc", None),
            ("shop.example", None),
        ] {
            assert_eq!(written(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn a_wrong_one_is_named_by_its_place() {
        let mut fields = Fields::default();
        let sent = ["https://shop.example", "https://shop.example/", "*"].map(str::to_owned).to_vec();
        origins(&mut fields, "origins", sent);
        let message = fields.finish(Some(())).unwrap_err().message();
        assert_eq!(
            message,
            "origins[1]: https://shop.example/ is no web origin: https://shop.example would be; \
             origins[2]: * is no web origin, like https://shop.example"
        );
    }
}
