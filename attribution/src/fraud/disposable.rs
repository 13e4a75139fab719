//! Domains of throw-away e-mail addresses.
//!
//! A list that others maintain, as scripts/renew-disposable-domains makes it (`lists/disposable_domains.txt`); it is
//! searched as it is and never changes. It names domains, and whatever lies within one of them is disposable too.
//! Forwarding services that hide an address from merchants and keep it reachable are not on it.

use url::Host;

/// One domain per line, in lower case and sorted by bytes; the first line says where it is from.
static LIST: &str = include_str!("../../lists/disposable_domains.txt");

/// The listed domain that `domain` is, or lies within.
pub fn listed(domain: &str) -> Option<&'static str> {
    // As browsers and mail systems write it: international names in their ASCII form.
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
    let mut rest = domain.as_str();
    loop {
        if let Some(found) = find(LIST, rest) {
            return Some(found);
        }
        rest = rest.split_once('.')?.1;
    }
}

/// The line that is `wanted`, by halving.
fn find(list: &'static str, wanted: &str) -> Option<&'static str> {
    let (mut from, mut to) = (0, list.len());
    while from < to {
        let middle = from.midpoint(to);
        let start = list.get(from..middle)?.rfind('\n').map_or(from, |end| from + end + 1);
        let end = list.get(start..to)?.find('\n').map_or(to, |end| start + end);
        let line = list.get(start..end)?;
        match line.cmp(wanted) {
            std::cmp::Ordering::Equal => return Some(line),
            std::cmp::Ordering::Less => from = end + 1,
            std::cmp::Ordering::Greater => to = start,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        let lines: Vec<&str> = LIST.lines().skip(1).collect();
        assert!(lines.len() > 5_000);
        for line in lines {
            assert_eq!(listed(line), Some(line));
        }
    }

    #[test]
    fn the_list_is_sorted_and_no_domain_lies_within_another() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.is_sorted());
        for line in lines.iter().skip(1) {
            let above = line.split_once('.').map(|(_, above)| above).unwrap();
            assert_eq!(listed(above), None, "{line}");
        }
    }

    #[test]
    fn what_lies_within_a_listed_domain_is_disposable() {
        assert_eq!(listed("mailinator.com"), Some("mailinator.com"));
        assert_eq!(listed("any.team.mailinator.com"), Some("mailinator.com"));
        assert_eq!(listed("MAILINATOR.com"), Some("mailinator.com"));
    }

    #[test]
    fn other_domains_are_not() {
        for domain in
            ["gmail.com", "example.com", "my-mailinator.example", "mailinator.com.example", "com", "", "127.0.0.1"]
        {
            assert_eq!(listed(domain), None, "{domain}");
        }
    }
}
