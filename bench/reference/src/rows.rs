//! The rows that a sign-up and a conversion leave in D1: the product's tables, indexes, statements and lengths, with
//! values that cost nothing to find. The counting pass of the benchmark compares the rows written with the product's,
//! so that a change there that is not followed here is seen.
//!
//! Two statements differ. The fence takes the `seq` that it finds: the bare Worker has read none. The line's
//! `rules_version` is looked up like the product's, since that look-up is part of the product's commit.

use attribution::ids::{self, Random};
use worker::{D1Database, D1PreparedStatement, Result, query};

const TEAM: &str = "team_bare0000000000000000000";
const PROGRAM: &str = "prog_bare0000000000000000000";
const AFFILIATE: &str = "aff_bare0000000000000000000";
const INCENTIVE: &str = "inc_bare0000000000000000000";
const ACTOR: &str = "key:key_bare0000000000000000000";
const AT: i64 = 1_795_261_169_963;

const CLICK: &str = r#"{"sub1":"newsletter","referrer":"https://blog.example/review","userAgent":"Mozilla/5.0 (X11)"}"#;
const SIGN_UP_DETAIL: &str = concat!(
    r#"{"affiliate_id":"aff_bare0000000000000000000","clicked_at":"2026-11-21T11:39:29.963Z","#,
    r#""verified":true}"#,
);
const SIGN_UP_MESSAGES: &str = concat!(
    r#"[{"type":"referral.lead","data":{"referralId":"ref_0000000000000000000000000","#,
    r#""affiliateId":"aff_bare0000000000000000000","affiliateProgramId":"prog_bare0000000000000000000","#,
    r#""trackingId":"alice","status":"LEAD","email":"customer00000@example.com","#,
    r#""emailMasked":"c***@example.com","customerId":null,"externalUserId":"user_00000","#,
    r#""createdAt":"2026-11-21T11:39:29.983Z"}}]"#,
);
const SALE_DETAILS: &str = concat!(
    r#"{"customer_id":null,"external_user_id":null,"click_id":null,"#,
    r#""referral_id":"ref_0000000000000000000000000","subscription_id":null,"purchase":{"product_ids":[],"#,
    r#""price_ids":[],"interval":null,"is_subscription":false},"commission_status":null,"metadata":null,"#,
    r#""extra":{}}"#,
);
const SALE_DECISION: &str = concat!(
    r#"{"reason":"commission_earned","inputs":{"affiliate_id":"aff_bare0000000000000000000","#,
    r#""sale_amount":99,"sale_amount_currency":"USD","clicked_at":"2026-11-21T11:39:29.963Z","#,
    r#""click_age_days":0,"window_days":60,"sales_status":"complete","#,
    r#""incentive_id":"inc_bare0000000000000000000","commission_amount":29.7}}"#,
);
const SALE_MESSAGES: &str = concat!(
    r#"[{"type":"transaction.created","data":{"transactionId":"conv_0000000000000000000000000","#,
    r#""referralId":"ref_0000000000000000000000000","affiliateId":"aff_bare0000000000000000000","#,
    r#""affiliateProgramId":"prog_bare0000000000000000000","saleAmount":99,"saleCurrency":"USD","#,
    r#""saleStatus":"COMPLETE","commissionId":"com_0000000000000000000000000","commissionAmount":29.7,"#,
    r#""commissionCurrency":"USD","commissionStatus":"READY_FOR_PAYMENT","holdPeriodDays":null,"#,
    r#""type":"COMMISSION","createdAt":"2026-11-21T11:39:30.033Z"}}]"#,
);

/// An id as long and as random as the product's.
pub fn mint(prefix: &str) -> String {
    ids::mint(prefix, &mut Platform)
}

struct Platform;

impl Random for Platform {
    #[expect(clippy::panic, reason = "as in the product: without randomness nothing can be served")]
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(cause) = getrandom::fill(bytes) {
            panic!("the runtime gives no randomness: {cause}");
        }
    }
}

/// A referral, two identities and the ledger's line.
pub fn sign_up(database: &D1Database, referral: &str) -> Result<Vec<D1PreparedStatement>> {
    let user = mint("user");
    let email = format!("{user}@example.com");
    let email_hash = format!("{referral}{user}0000000000");
    let request = mint("req");
    Ok(vec![
        query!(
            database,
            "INSERT INTO referral (id, team_id, program_id, is_test, affiliate_id, status, external_user_id, \
               customer_id, subscription_id, email, email_hash, email_masked, name, metadata, aliases, verified, clicked_at, click, \
               first_sale_at, paid_sales, commission_total_minor, seq, created_by_request, created_at, converted_at, \
               updated_at, first_paid_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
               ?22, ?23, ?24, ?25, ?26, ?27)",
            referral,
            TEAM,
            PROGRAM,
            0,
            AFFILIATE,
            "lead",
            user,
            None::<&str>,
            None::<&str>,
            email,
            email_hash,
            "u***@example.com",
            None::<&str>,
            None::<&str>,
            "[]",
            1,
            AT,
            CLICK,
            None::<i64>,
            0,
            0,
            1,
            request,
            AT,
            None::<i64>,
            AT,
            None::<i64>
        )?,
        claim(database, referral, "external_user_id", &user)?,
        claim(database, referral, "email_hash", &email_hash)?,
        event(
            database,
            &Line {
                referral,
                seq: 1,
                kind: "referral.lead",
                reason: "lead_recorded",
                detail: SIGN_UP_DETAIL,
                messages: SIGN_UP_MESSAGES,
                request: &request,
            },
        )?,
    ])
}

fn claim(database: &D1Database, referral: &str, kind: &str, value: &str) -> Result<D1PreparedStatement> {
    query!(
        database,
        "INSERT INTO identity (program_id, is_test, kind, value, referral_id, team_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        PROGRAM,
        0,
        kind,
        value,
        referral,
        TEAM
    )
}

/// The referral's update, a conversion with its key, the commission and the ledger's line.
pub fn conversion(database: &D1Database, referral: &str, seq: i64) -> Result<Vec<D1PreparedStatement>> {
    let conversion = mint("conv");
    let commission = mint("com");
    let key = mint("order");
    Ok(vec![
        raise(database, referral)?,
        query!(
            database,
            "INSERT INTO conversion (id, team_id, program_id, is_test, referral_id, affiliate_id, sale_key, \
               amount_minor, currency, sales_status, details, attributed, commission_id, matched_incentive_id, reason, decision, \
               created_at, recorded_at, updated_at, refunded_minor, converted_minor, rate, rate_day) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
               ?22, ?23)",
            conversion,
            TEAM,
            PROGRAM,
            0,
            referral,
            AFFILIATE,
            key,
            9_900,
            "USD",
            "complete",
            SALE_DETAILS,
            1,
            commission,
            INCENTIVE,
            "commission_earned",
            SALE_DECISION,
            AT,
            AT,
            AT,
            0,
            9_900,
            None::<&str>,
            None::<i64>
        )?,
        query!(
            database,
            "INSERT INTO sale_key (program_id, is_test, value, conversion_id, team_id) VALUES (?1, ?2, ?3, ?4, ?5)",
            PROGRAM,
            0,
            key,
            conversion,
            TEAM
        )?,
        query!(
            database,
            "DELETE FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND sale_key = ?3",
            PROGRAM,
            0,
            key
        )?,
        query!(
            database,
            "INSERT INTO commission (id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id, kind, \
               level, incentive_id, amount_minor, earned_minor, clawed_back_minor, currency, status, hold_days, \
               hold_until, reason, payout_id, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
            commission,
            TEAM,
            PROGRAM,
            0,
            referral,
            AFFILIATE,
            conversion,
            "sale",
            0,
            INCENTIVE,
            2_970,
            2_970,
            0,
            "USD",
            "ready_for_payment",
            None::<i64>,
            None::<i64>,
            "commission_earned",
            None::<&str>,
            AT,
            AT
        )?,
        event(
            database,
            &Line {
                referral,
                seq,
                kind: "sale.recorded",
                reason: "commission_earned",
                detail: SALE_DECISION,
                messages: SALE_MESSAGES,
                request: &mint("req"),
            },
        )?,
    ])
}

/// The fence's update, on whatever `seq` there is.
fn raise(database: &D1Database, referral: &str) -> Result<D1PreparedStatement> {
    query!(
        database,
        "UPDATE referral SET seq = CASE seq WHEN seq THEN seq + 1 END, status = ?2, \
           external_user_id = external_user_id, customer_id = ?3, subscription_id = ?4, email = email, email_hash = email_hash, \
           email_masked = email_masked, aliases = ?5, verified = ?6, first_sale_at = ?7, paid_sales = paid_sales + 1, \
           commission_total_minor = commission_total_minor + ?8, converted_at = ?9, updated_at = ?10, name = ?11, \
           paid_out = paid_out, metadata = ?12, first_paid_at = ?13 \
         WHERE id = ?1",
        referral,
        "customer",
        None::<&str>,
        None::<&str>,
        "[]",
        1,
        AT,
        2_970,
        AT,
        AT,
        None::<&str>,
        None::<&str>,
        AT
    )
}

/// What differs between the lines of the ledger.
struct Line<'a> {
    referral: &'a str,
    seq: i64,
    kind: &'static str,
    reason: &'static str,
    detail: &'static str,
    messages: &'static str,
    request: &'a str,
}

fn event(database: &D1Database, line: &Line<'_>) -> Result<D1PreparedStatement> {
    query!(
        database,
        "INSERT INTO event (subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, \
           request_id, rules_version, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
           (SELECT rules_version FROM program WHERE id = ?4 AND rules_version = ?12), ?13)",
        line.referral,
        line.seq,
        TEAM,
        PROGRAM,
        0,
        line.kind,
        line.reason,
        line.detail,
        line.messages,
        ACTOR,
        line.request,
        1,
        AT
    )
}
