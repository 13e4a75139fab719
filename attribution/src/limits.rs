//! Every bound on what comes from outside, in one table: readers take their numbers from here and have none of their own.
//! `docs/limits.md` is the same table for people; a test holds it against this file.
//!
//! Characters are those of Unicode. Nothing here keeps state.

/// One line of the table, as the page shows it.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
struct Line {
    group: &'static str,
    what: &'static str,
    limit: i128,
    unit: &'static str,
}

/// Makes the constants and the table of one list, so that neither has what the other lacks.
macro_rules! limits {
    ($($group:literal { $(#[doc = $what:literal] $name:ident: $kind:ty = $limit:expr, $unit:literal;)* })*) => {
        $($(#[doc = $what] pub const $name: $kind = $limit;)*)*

        #[cfg(test)]
        const TABLE: &[Line] = &[
            $($(Line { group: $group, what: $what, limit: $name as i128, unit: $unit },)*)*
        ];
    };
}

limits! {
    "Calls" {
        /// The URL of a call, with its query.
        MAX_CALL_URL: usize = 8_000, "bytes";
        /// A header that is read: `Origin`, `User-Agent`, `X-Forwarded-Host`, and those below.
        MAX_HEADER: usize = 2_000, "bytes";
        /// `Idempotency-Key`, which has visible ASCII characters and spaces.
        MAX_IDEMPOTENCY_KEY: usize = 255, "characters";
        /// Segments before a path of the tracker that is served under a prefix.
        MAX_PREFIX_SEGMENTS: usize = 4, "segments";
    }
    "Bodies" {
        /// A body, unless it is a payment provider's event.
        MAX_BODY: usize = 64 * 1024, "bytes";
        /// A payment provider's event: an invoice with many lines is long.
        MAX_EVENT: usize = 1024 * 1024, "bytes";
        /// Objects and lists within one another, the body itself counted.
        MAX_DEPTH: usize = 32, "levels";
        /// Fields of one object.
        MAX_KEYS: usize = 500, "fields";
        /// The name of a field.
        MAX_KEY: usize = 255, "characters";
        /// Entries of one list, unless a smaller number is named below.
        MAX_ENTRIES: usize = 1_000, "entries";
        /// A number, as it is written.
        MAX_NUMBER: usize = 100, "characters";
        /// What is kept as it was sent: `metadata`, `additional_data`, `line_items`, each written as JSON.
        MAX_KEPT: usize = 16 * 1024, "bytes";
    }
    "Texts" {
        /// Ids, codes, names and words, unless another number is named here.
        MAX_TEXT: usize = 255, "characters";
        /// An e-mail address.
        MAX_EMAIL: usize = 254, "bytes";
        /// The name of an affiliate, a company or a key.
        MAX_NAME: usize = 100, "characters";
        /// What is looked for: `search`.
        MAX_SEARCH: usize = 100, "characters";
        /// The description of a program.
        MAX_PROGRAM_DESCRIPTION: usize = 5_000, "characters";
        /// The description of a group.
        MAX_GROUP_DESCRIPTION: usize = 2_000, "characters";
        /// An address of a page or an endpoint that settings name.
        MAX_URL: usize = 2_048, "characters";
        /// What a click keeps of a page and a visit: an address, a title, a browser's name.
        MAX_VISIT_TEXT: usize = 2_000, "characters";
        /// The browser's name in `POST /v1/clicks`.
        MAX_USER_AGENT: usize = 1_000, "characters";
        /// What a page wants remembered of its landing, in a cookie.
        MAX_LANDING: usize = 3_000, "bytes";
        /// A browser's name for one landing: `event_id`.
        MAX_EVENT_ID: usize = 64, "characters";
        /// The domain of a cookie.
        MAX_DOMAIN: usize = 253, "bytes";
        /// An affiliate's tracking id.
        MAX_TRACKING_ID: usize = 100, "characters";
        /// The code of a coupon.
        MAX_COUPON_CODE: usize = 50, "characters";
        /// The name of a parameter that carries an affiliate's code.
        MAX_CODE_PARAMETER: usize = 32, "characters";
        /// The name of a parameter that a fraud rule looks for.
        MAX_FRAUD_PARAMETER: usize = 64, "characters";
        /// The name of an event that a postback is sent for.
        MAX_POSTBACK_EVENT: usize = 64, "characters";
    }
    "Lists" {
        /// Texts in one list: products, prices, origins, parameters.
        MAX_TEXTS: usize = 100, "entries";
        /// Entries of one list of a fraud rule.
        MAX_FRAUD_ENTRIES: usize = 300, "entries";
        /// Postbacks of a program.
        MAX_POSTBACKS: usize = 20, "entries";
        /// Levels of a group.
        MAX_LEVELS: usize = 3, "entries";
        /// Rates that one call sets.
        MAX_RATES: usize = 200, "entries";
        /// Groups of a program.
        MAX_GROUPS: i64 = 100, "groups";
        /// Incentives of one group or one affiliate.
        MAX_INCENTIVES: i64 = 100, "incentives";
        /// Webhook endpoints of a program.
        MAX_ENDPOINTS: i64 = 20, "endpoints";
        /// A page of a list by page number, unless `limit` is sent.
        PAGE: u32 = 50, "rows";
        /// The same at most.
        MAX_PAGE: u32 = 200, "rows";
        /// A page of a list by cursor, unless `limit` is sent.
        CURSOR_PAGE: u32 = 10, "rows";
        /// The same at most.
        MAX_CURSOR_PAGE: u32 = 100, "rows";
        /// Refunds that wait for their sale, and deliveries of an endpoint, in one answer.
        MAX_LISTED: u32 = 100, "rows";
        /// Rows of a table that is exported.
        MAX_TABLE: u32 = 10_000, "rows";
    }
    "Numbers" {
        /// An amount, in minor units of its currency; more cannot be kept exactly.
        MAX_MINOR: i64 = (1 << 53) - 1, "minor units";
        /// A place in a feed.
        MAX_PLACE: i64 = (1 << 53) - 1, "";
        /// An amount, a percentage or a rate, as it is written.
        MAX_DECIMAL: usize = 64, "characters";
        /// A percentage, after the point.
        MAX_PERCENT_DIGITS: u32 = 4, "digits";
        /// A rate of exchange.
        MAX_RATE_DIGITS: usize = 15, "digits";
        /// The same, after the point.
        MAX_RATE_SCALE: usize = 12, "digits";
        /// `hold_period_days`.
        MAX_HOLD_DAYS: u32 = 365, "days";
        /// `attribution_window_days` and `cookie_lifetime`.
        MAX_WINDOW_DAYS: u32 = 365, "days";
        /// The life of a cookie; browsers keep none longer.
        MAX_COOKIE_DAYS: u32 = 400, "days";
        /// What is counted in months or payments: an incentive's length, a coupon's.
        MAX_LENGTH: u32 = 1_200, "";
        /// `overlap_hours` of a key that is replaced.
        MAX_OVERLAP_HOURS: i64 = 30 * 24, "hours";
        /// `duplicate_ip_config.threshold`.
        MAX_DUPLICATES: u32 = 1_000, "sign-ups";
        /// `duplicate_ip_config.window_hours`.
        MAX_DUPLICATE_HOURS: u32 = 720, "hours";
        /// `fast_signup_config.seconds`.
        MAX_FAST_SECONDS: u32 = 3_600, "seconds";
    }
    "Dates" {
        /// A moment: the last one of the year 9999. The first is the beginning of 1970.
        LAST_MOMENT: i64 = 253_402_300_799_999, "milliseconds";
        /// A day of which rates are set may be so far ahead.
        MAX_DAYS_AHEAD: u32 = 1, "days";
    }
    "Answers of others" {
        /// The file of a day's rates.
        MAX_RATES_FILE: usize = 1024 * 1024, "bytes";
        /// What is read of a webhook's answer.
        MAX_WEBHOOK_ANSWER: usize = 4 * 1024, "bytes";
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::TABLE;

    const PAGE: &str = include_str!("../../docs/limits.md");

    /// Between these lines the page is made of the table.
    const BEGIN: &str = "<!-- table -->\n";
    const END: &str = "<!-- end of table -->\n";

    fn table() -> String {
        let mut text = String::new();
        let mut group = "";
        for line in TABLE {
            if line.group != group {
                group = line.group;
                write!(text, "\n## {group}\n\n| What | At most | |\n|---|---:|---|\n").unwrap();
            }
            let (what, limit, unit) = (line.what.trim().trim_end_matches('.'), with_commas(line.limit), line.unit);
            writeln!(text, "{}", format!("| {what} | {limit} | {unit} |").replace("|  |", "| |")).unwrap();
        }
        text.push('\n');
        text
    }

    fn with_commas(number: i128) -> String {
        let digits = number.to_string();
        // A year is no amount.
        if digits.len() <= 4 {
            return digits;
        }
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    }

    #[test]
    fn the_page_is_this_table() {
        let expected = table();
        let (before, rest) = PAGE.split_once(BEGIN).expect("the page's table begins");
        let (shown, after) = rest.split_once(END).expect("the page's table ends");
        if std::env::var_os("WRITE_LIMITS").is_some() {
            let page = format!("{before}{BEGIN}{expected}{END}{after}");
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/limits.md"), page).unwrap();
            return;
        }
        assert_eq!(shown, expected, "WRITE_LIMITS=1 cargo test -p attribution limits writes it");
    }
}
