//! The bodies of the two requests.
//!
//! Holds no state. What a request tells comes as a record: one line for each field, in a fixed order. No field can
//! contain a line break, since a browser takes them out of addresses and titles, and `js/core.js` cuts what the page
//! passes.

use crate::json::Object;
use crate::text::Text;

/// The record of a click: the visitor's earlier one, if there is one, then the page and its browser. (One text with
/// commas is smaller than a table of texts.)
const CLICK_FIELDS: &[u8] =
    b"existing_click_id,program_id,page_url,page_title,referrer_url,language,timezone,screen_resolution,viewport_size";

/// The record of a sign-up: who became a customer, through which click. `event_id` is the same in every try to send it.
const LEAD_FIELDS: &[u8] = b"click_id,customer_key,email,page_url,program_id,event_id";

/// Writes the body of a click on the landing page `url`, whose referral parameter is `parameter`; `record` has a line for
/// each of [`CLICK_FIELDS`].
pub fn click(url: Text, parameter: Text, record: Text) {
    let mut body = Object::begin();
    body.field(b"affiliate_url", url, false);
    body.field(b"partner_code", parameter.tail(b'='), true);
    fields(body, CLICK_FIELDS, record);
}

/// Writes the body of a sign-up; `record` has a line for each of [`LEAD_FIELDS`].
pub fn lead(record: Text) {
    fields(Object::begin(), LEAD_FIELDS, record);
}

fn fields(mut body: Object, names: &[u8], mut record: Text) {
    for name in names.split(|byte| *byte == b',') {
        body.field(name, record.next(b'\n'), false);
    }
    body.end();
}
