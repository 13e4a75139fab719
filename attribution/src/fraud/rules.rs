//! The rules themselves. Source: docs/fraud.md.

use super::disposable::listed;
use super::visit::Visit;
use super::{Examination, Finding, Found, FraudRules};
use crate::program::Affiliate;
use crate::status::{FraudMode, FraudRule};

/// Parameters by which advertisements mark their visitors. Those that sites put on every link, paid or not (`fbclid`,
/// `igshid`), are not among them: a program may add them.
const CLICK_IDS: [&str; 13] = [
    "gclid",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "dclid",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "epik",
    "sccid",
    "rdt_cid",
];

/// Values of `utm_medium`, without `-`, `_` and spaces, that mean a paid visit, beside all that begin with `paid`. As the
/// channel groups of web analytics have them; `cpa` is left out, for affiliates use it of themselves.
const PAID_MEDIA: [&str; 11] =
    ["cpc", "ppc", "cpm", "cpv", "cpp", "sem", "display", "banner", "interstitial", "retargeting", "remarketing"];

/// So much of a value that a stranger chose is repeated.
const SHOWN_CHARACTERS: usize = 64;

/// What the rules are asked about.
pub struct Inquiry<'a> {
    /// What the click kept; `None` for a referral that had none.
    pub visit: Option<Visit<'a>>,
    /// The affiliate who would be credited.
    pub affiliate: &'a Affiliate,
    /// Keyed hashes of the customer's address, in each form in which the affiliate may have given it.
    pub email_hashes: Vec<String>,
    /// The domain of the customer's address.
    pub email_domain: Option<String>,
    /// The merchant's user id of the customer.
    pub external_user_id: Option<&'a str>,
    /// So many others signed up from the same network address; `None` where that was not looked up.
    pub same_address: Option<u32>,
    /// Seconds from click to sign-up; `None` for a sale, which is no sign-up.
    pub seconds_after_click: Option<i64>,
}

/// Asks every rule that is not off.
pub fn examine(rules: &FraudRules, inquiry: &Inquiry<'_>, is_cleared: bool) -> Examination {
    let asked = FraudRule::ALL.into_iter().map(|rule| (rule, rules.mode(rule)));
    let asked = asked.filter(|(_, mode)| *mode != FraudMode::Off);
    let finding = |(rule, mode)| {
        let (found, because) = ask(rule, rules, inquiry);
        Finding { rule, mode, found, because }
    };
    Examination { findings: asked.map(finding).collect(), is_cleared }
}

type Said = (Found, String);

fn ask(rule: FraudRule, rules: &FraudRules, inquiry: &Inquiry<'_>) -> Said {
    match rule {
        FraudRule::SelfReferral => self_referral(inquiry),
        FraudRule::SuspiciousEmail => suspicious_email(inquiry),
        FraudRule::DuplicateIp => duplicate_ip(rules, inquiry),
        FraudRule::FastSignup => fast_signup(rules, inquiry),
        FraudRule::PaidTraffic | FraudRule::BannedReferral | FraudRule::BlockedCountry => {
            let Some(visit) = &inquiry.visit else { return unknown("the referral came without a click") };
            match rule {
                FraudRule::PaidTraffic => paid_traffic(rules, visit),
                FraudRule::BannedReferral => banned_referral(rules, visit),
                _ => blocked_country(rules, visit),
            }
        }
    }
}

fn hit(because: impl Into<String>) -> Said {
    (Found::Hit, because.into())
}

fn nothing(because: impl Into<String>) -> Said {
    (Found::Nothing, because.into())
}

fn unknown(because: impl Into<String>) -> Said {
    (Found::Unknown, because.into())
}

fn self_referral(inquiry: &Inquiry<'_>) -> Said {
    let affiliate = inquiry.affiliate;
    if affiliate.email_hash.as_ref().is_some_and(|own| inquiry.email_hashes.contains(own)) {
        return hit("the customer's e-mail address is the affiliate's");
    }
    if inquiry.external_user_id.is_some() && inquiry.external_user_id == affiliate.external_user_id.as_deref() {
        return hit("the customer's user id is the affiliate's");
    }
    let compares_email = affiliate.email_hash.is_some() && !inquiry.email_hashes.is_empty();
    let compares_user = affiliate.external_user_id.is_some() && inquiry.external_user_id.is_some();
    if compares_email || compares_user {
        return nothing("what is known of the customer is not the affiliate's");
    }
    unknown("nothing is known of both the customer and the affiliate")
}

fn suspicious_email(inquiry: &Inquiry<'_>) -> Said {
    let Some(domain) = &inquiry.email_domain else { return unknown("no e-mail address is known") };
    match listed(domain) {
        Some(disposable) => hit(format!("{disposable} gives throw-away addresses")),
        None => nothing("the address's domain is not on the list of throw-away ones"),
    }
}

fn paid_traffic(rules: &FraudRules, visit: &Visit<'_>) -> Said {
    let Some(mark) = paid_mark(rules, visit) else { return nothing("the visit has no mark of an advertisement") };
    let campaign =
        visit.values("utm_campaign").map(str::to_lowercase).find(|name| rules.allowed_campaigns.contains(name));
    match campaign {
        Some(campaign) => nothing(format!("{mark}, and the campaign {} is allowed", shown(&campaign))),
        None => hit(mark),
    }
}

/// By what the visit is known to be paid for.
fn paid_mark(rules: &FraudRules, visit: &Visit<'_>) -> Option<String> {
    let further = rules.further_click_ids.iter().map(String::as_str);
    let click_id = CLICK_IDS.into_iter().chain(further).find(|name| visit.values(name).next().is_some());
    if let Some(name) = click_id {
        return Some(format!("the landing has {name}"));
    }
    let medium = visit.values("utm_medium").find(|medium| is_paid(medium))?;
    Some(format!("utm_medium is {}", shown(medium)))
}

fn is_paid(medium: &str) -> bool {
    let plain: String = medium.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ' | '+')).collect();
    let plain = plain.to_lowercase();
    plain.starts_with("paid") || PAID_MEDIA.contains(&plain.as_str())
}

fn banned_referral(rules: &FraudRules, visit: &Visit<'_>) -> Said {
    let Some(host) = &visit.referrer else { return unknown("no site is known that the visitor came from") };
    let lies_within = |domain: &&String| {
        host == *domain || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
    };
    match rules.banned_domains.iter().find(lies_within) {
        Some(domain) => hit(format!("the visitor came from {}, and {domain} is banned", shown(host))),
        None => nothing(format!("the visitor came from {}, which is not banned", shown(host))),
    }
}

fn blocked_country(rules: &FraudRules, visit: &Visit<'_>) -> Said {
    let Some(country) = visit.country else { return unknown("the visitor's country is not known") };
    if rules.blocked_countries.iter().any(|blocked| blocked == country) {
        return hit(format!("the visitor's country is {country}"));
    }
    nothing(format!("the visitor's country is {country}, which is not blocked"))
}

fn duplicate_ip(rules: &FraudRules, inquiry: &Inquiry<'_>) -> Said {
    let Some(others) = inquiry.same_address else {
        return unknown("the click's network address is not known, or is asked for only when a referral is made");
    };
    let (most, hours) = (rules.duplicate_ip_threshold, rules.duplicate_ip_window_hours);
    let said = format!(
        "{others} others of this affiliate signed up from the click's network address within {hours} hours; {most} are too many"
    );
    if others >= most { hit(said) } else { nothing(said) }
}

fn fast_signup(rules: &FraudRules, inquiry: &Inquiry<'_>) -> Said {
    let Some(seconds) = inquiry.seconds_after_click else { return unknown("this is no sign-up after a click") };
    let least = rules.fast_signup_seconds;
    let said = format!("the sign-up came {seconds} s after the click; sooner than {least} s is too fast");
    if seconds < i64::from(least) { hit(said) } else { nothing(said) }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}
