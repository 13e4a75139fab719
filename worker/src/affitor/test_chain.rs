//! `POST /api/v1/cli/test-event` with `{"type":"chain"}`: a click, a lead and a sale that go the way of real ones, through
//! the same shards and gates, as test rows. State: the rows that any such call makes, and `test_chain` for the limit.
//!
//! The link is that of the program's first approved affiliate, so that the chain is priced by what really holds. Source:
//! reference of the dialects, section 2.6.

use attribution::ids::{AffiliateId, CommissionId, ReferralId, mint};
use attribution::ledger::{Command, Context, Reach, SignUp, UnknownClick};
use attribution::money::Money;
use attribution::program::{Affiliate, Program};
use attribution::referral::Scope;
use attribution::sale::SaleDetails;
use attribution::status::SalesStatus;
use serde_json::{Map, Value, json};

use super::Problem;
use crate::funnel::{Funnel, NewSale, Refusal, Visit};
use crate::http::{Answer, Incoming};
use crate::platform::{SystemRandom, now};
use crate::store::affiliate;
use crate::store::api_key::ApiKey;
use crate::store::test_chain::{self, Start, WINDOW_MILLISECONDS};

/// What the customer of a chain pays, in minor units of the team's currency.
const PAID_MINOR: i64 = 10_000;

/// What a step came to.
const ATTRIBUTED: &str = "attributed";
const UNATTRIBUTED: &str = "unattributed";
const WRONG_PARTNER: &str = "wrong_partner";
const PENDING: &str = "pending";

/// Who runs a chain, and through whose link.
struct Chain<'a> {
    funnel: &'a Funnel,
    program: &'a Program,
    affiliate: &'a Affiliate,
    customer_key: &'a str,
    context: Context,
    scope: Scope,
}

/// What the steps came to.
struct Verdict {
    click: &'static str,
    lead: &'static str,
    sale: &'static str,
}

impl Verdict {
    fn all(word: &'static str) -> Self {
        Self { click: word, lead: word, sale: word }
    }

    fn is_attributed(&self) -> bool {
        [self.click, self.lead, self.sale].into_iter().all(|word| word == ATTRIBUTED)
    }
}

/// Runs the chain of the key's program, at most so often in an hour (429).
pub async fn run(incoming: &Incoming, funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let now = now();
    let number = match test_chain::start(&funnel.database, &key.team_id, &key.program_id, now).await? {
        Start::Run(number) => number,
        Start::Full(oldest) => {
            let wait = oldest.milliseconds() + WINDOW_MILLISECONDS - now.milliseconds();
            let seconds = (wait + 999).div_euclid(1000).max(1);
            return Err(Problem::TooManyTests { what: "test chains", seconds });
        }
    };
    let program = funnel.program(&key.program_id).await?;
    let customer_key = mint("aff_test_ck", &mut SystemRandom);
    let verdict = match affiliate::first_approved(&funnel.database, &key.program_id).await? {
        Some(affiliate) => {
            let chain = Chain {
                funnel,
                program: &program,
                affiliate: &affiliate,
                customer_key: &customer_key,
                context: context(incoming, key),
                scope: scope(key),
            };
            chain.run().await
        }
        // There is no link to come through.
        None => Verdict::all(UNATTRIBUTED),
    };
    test_chain::finish(&funnel.database, number, verdict.is_attributed()).await?;
    let data = json!({
        "type": "chain",
        "short_code": format!("afftest{}", program.number),
        "customer_key": customer_key,
        "verdict": { "click": verdict.click, "lead": verdict.lead, "sale": verdict.sale },
        "attributed": verdict.is_attributed(),
    });
    Ok(Answer::json(200, &json!({ "success": true, "data": data })))
}

impl Chain<'_> {
    async fn run(&self) -> Verdict {
        let click = match self.click().await {
            Ok(click) => click,
            Err(refusal) => return Verdict::all(of(&refusal)),
        };
        let lead = self.lead(&click).await.map_or_else(|refusal| of(&refusal), |id| self.compare(&id));
        let sale = self.sale(&click).await.unwrap_or_else(|refusal| of(&refusal));
        Verdict { click: ATTRIBUTED, lead, sale }
    }

    async fn click(&self) -> Result<ReferralId, Refusal> {
        let facts = Map::from_iter([("test_chain".to_owned(), Value::Bool(true))]);
        let visit = Visit {
            affiliate: self.affiliate.clone(),
            is_test: true,
            clicked_at: None,
            facts,
            ip: None,
            country: None,
            idempotency: None,
            event_id: None,
        };
        Ok(self.funnel.record_click(visit).await?.row.id)
    }

    async fn lead(&self, click: &ReferralId) -> Result<AffiliateId, Refusal> {
        let placement = click.placement().unwrap_or_else(|| self.funnel.any_placement());
        let command = SignUp {
            context: self.context.clone(),
            click_id: click.clone(),
            unknown_click: UnknownClick::Refuse,
            program_id: Some(self.program.id.clone()),
            origin: None,
            verified: true,
            keep_address: false,
            caller_address: None,
            identity_required: false,
            only_leads: true,
            external_user_id: Some(self.customer_key.to_owned()),
            email: None,
            name: None,
            detail: Map::new(),
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        let (referral, _) = self.funnel.record_referral(Command::SignUp(command)).await?.row;
        Ok(referral.affiliate_id)
    }

    async fn sale(&self, click: &ReferralId) -> Result<&'static str, Refusal> {
        let details = SaleDetails {
            external_user_id: Some(self.customer_key.to_owned()),
            click_id: Some(click.as_str().to_owned()),
            ..SaleDetails::default()
        };
        let sale = NewSale {
            context: self.context.clone(),
            scope: self.scope.clone(),
            amount: Money { minor: PAID_MINOR, currency: self.program.currency },
            sales_status: SalesStatus::Complete,
            sale_key: Some(mint("test_txn", &mut SystemRandom)),
            occurred_at: None,
            details,
            dry_run: false,
        };
        let (sale, _) = self.funnel.record_sale(sale).await?.row;
        let is_credited = sale.conversion.attributed;
        Ok(if is_credited { self.compare(&sale.conversion.affiliate_id) } else { UNATTRIBUTED })
    }

    fn compare(&self, credited: &AffiliateId) -> &'static str {
        if *credited == self.affiliate.id { ATTRIBUTED } else { WRONG_PARTNER }
    }
}

/// A step that was refused came to nothing; one that could not be decided yet may still.
fn of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Rejected(_) => UNATTRIBUTED,
        Refusal::TryLater(_) => PENDING,
    }
}

fn scope(key: &ApiKey) -> Scope {
    Scope { team_id: key.team_id.clone(), program_id: key.program_id.clone(), is_test: true }
}

/// Whatever the key's own mode: a chain makes test rows and reaches no others.
fn context(incoming: &Incoming, key: &ApiKey) -> Context {
    Context {
        request_id: incoming.request_id.clone(),
        actor: format!("key:{}", key.id),
        reach: Reach {
            team_id: Some(key.team_id.clone()),
            program_id: Some(key.program_id.clone()),
            is_test: Some(true),
        },
        idempotency: None,
    }
}
