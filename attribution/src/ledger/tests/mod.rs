//! The protocol and its rules against a database in memory. Every call that succeeds is made twice, the second time
//! as a client's retry would: with a request id and row ids of its own.

mod caps;
mod commission_status;
mod commissions;
mod configuration;
mod create_referral;
mod create_referral_refused;
mod customer_events;
mod dry_run;
mod edit_commission;
mod edit_referral;
mod erasure;
mod first_attempt;
mod fraud;
mod going_on;
mod histories;
mod idempotency;
mod known_customer;
mod lead_incentive;
mod manual_commission;
mod parked_refunds;
mod properties;
mod provider;
mod provisional;
mod races;
mod reassign;
mod record_sale;
mod referral_removed;
mod referral_stats;
mod referral_status;
mod refunds;
mod rejection;
mod repeated_refunds;
mod scheduled;
mod sign_up;
mod strangers;
mod trust;
mod what_is_owed;
mod window;
mod worked_cases;

use std::cell::Cell;
use std::rc::Rc;

use self::configuration::{CachedConfiguration, MemoryClicks};
use super::{
    Answer, Command, CreateReferral, EditReferral, EraseReferral, ExpireRefund, Failure, FirstSeen, Ledger,
    ManualCommission, MoveCommissions, Outcome, Pause, Reconsider, RecordSale, Refund, Rejection, SignUp,
};
use crate::decision::Reason;
use crate::email::EmailHasher;
use crate::fixtures::{affiliate, bob, bobs_click, click, email, new_year, program, scope, sign_up};
use crate::ids::{CommissionId, ConversionId, ReferralId, RefundId};
use crate::incentive::Incentive;
use crate::memory::{Database, Rows};
use crate::program::Program;
use crate::referral::{Identity, Referral};
use crate::sale::{Commission, RecordedSale};
use crate::time::Timestamp;

const SECRET: &[u8] = b"identity secret";

/// One program with two affiliates, and a click through each one's link. Clones share everything but the clock.
#[derive(Clone)]
struct World {
    database: Rc<Database>,
    configuration: Rc<CachedConfiguration>,
    clicks: Rc<MemoryClicks>,
    now: Cell<Timestamp>,
}

/// In memory nobody has to be waited for.
struct NoPause;

impl Pause for NoPause {
    async fn before(&self, _attempt: u32) {}
}

/// What a sign-up came to.
#[derive(Clone, Debug, PartialEq)]
struct SignedUp {
    referral: Referral,
    first_seen: FirstSeen,
    reason: Reason,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A world whose program differs; its time is ten days into the year.
    fn with(change: impl FnOnce(&mut Program)) -> Self {
        let mut program = program();
        change(&mut program);
        let database = Rc::new(Database::default());
        database.put_program(program);
        database.put_affiliate(affiliate());
        database.put_affiliate(bob());
        let clicks = Rc::new(MemoryClicks::default());
        clicks.put(click());
        clicks.put(bobs_click());
        let configuration = Rc::new(CachedConfiguration::over(Rc::clone(&database)));
        Self { database, configuration, clicks, now: Cell::new(new_year().plus_days(10)) }
    }

    /// A world in which John has signed up through Alice's click.
    fn with_john() -> Self {
        let world = Self::new();
        world.signs_up(sign_up(&click()));
        world
    }

    /// The same, and only these incentives hold.
    fn paying(incentives: impl IntoIterator<Item = Incentive>) -> Self {
        let world = Self::with(|program| program.incentives = incentives.into_iter().collect());
        world.signs_up(sign_up(&click()));
        world
    }

    fn call_at(&self, command: impl Into<Command>, now: Timestamp) -> Result<Outcome, Failure> {
        self.answer_at(command, now).map(|answer| answer.outcome)
    }

    fn answer_at(&self, command: impl Into<Command>, now: Timestamp) -> Result<Answer, Failure> {
        let ledger = Ledger {
            store: &*self.database,
            configuration: &*self.configuration,
            clicks: &*self.clicks,
            pause: &NoPause,
            identity_secret: SECRET,
        };
        pollster::block_on(ledger.execute(&command.into(), None, now)).map(|executed| executed.answer)
    }

    fn call(&self, command: impl Into<Command>) -> Result<Outcome, Failure> {
        self.call_at(command, self.now.get())
    }

    /// A client's retry, a second later. It must leave every row as it is.
    fn retry(&self, command: impl Into<Command>) -> Result<Outcome, Failure> {
        let before = self.rows();
        let second_later = Timestamp::from_milliseconds(self.now.get().milliseconds() + 1000);
        let answer = self.call_at(retried(command.into()), second_later);
        assert_eq!(self.rows(), before, "the second call changed rows");
        answer
    }

    fn signs_up(&self, command: SignUp) -> SignedUp {
        let first = signed_up(self.call(command.clone()).unwrap());
        let second = signed_up(self.retry(command).unwrap());
        assert_eq!((&second.referral, second.first_seen), (&first.referral, FirstSeen::Before));
        first
    }

    fn records(&self, command: CreateReferral) -> Referral {
        let first = signed_up(self.call(command.clone()).unwrap());
        assert_eq!((first.first_seen, first.reason), (FirstSeen::Now, Reason::ReferralRecorded));
        match self.retry(command).unwrap_err() {
            Failure::Rejected(Rejection::IdentityTaken { .. } | Rejection::ClickAlreadyConverted) => first.referral,
            other => panic!("the second call is no conflict: {other}"),
        }
    }

    fn sells(&self, command: RecordSale) -> RecordedSale {
        let (sale, first_seen, differing) = sold(self.call(command.clone()).unwrap());
        assert_eq!((first_seen, differing), (FirstSeen::Now, vec![]));
        assert_eq!(sold(self.retry(command).unwrap()), (sale.clone(), FirstSeen::Before, vec![]));
        sale
    }

    /// What the call is refused with, both times; it must not have written anything.
    fn refuses(&self, command: impl Into<Command>) -> Rejection {
        let (command, before) = (command.into(), self.rows());
        let first = rejection(self.call(command.clone()));
        assert_eq!(self.rows(), before, "the refused call changed rows");
        assert_eq!(rejection(self.retry(command)), first);
        first
    }

    fn rows(&self) -> Rows {
        self.database.rows()
    }

    fn stored(&self, id: &ReferralId) -> Referral {
        self.rows().referrals[id].clone()
    }

    fn holder(&self, identity: Identity) -> Option<ReferralId> {
        self.rows().identities.get(&(scope().program_id, false, identity)).cloned()
    }

    /// The types of all messages, in the order of their events.
    fn told(&self) -> Vec<String> {
        self.rows().events.into_iter().flat_map(|event| event.messages).map(|message| message.kind).collect()
    }
}

fn retried(command: Command) -> Command {
    let request_id = "req_retry".to_owned();
    let commission_id = CommissionId::new("com_retry");
    match command {
        Command::SignUp(mut sign_up) => {
            sign_up.context.request_id = request_id;
            Command::SignUp(SignUp { commission_id, ..sign_up })
        }
        Command::CreateReferral(mut create) => {
            create.context.request_id = request_id;
            if !create.from_click {
                create.referral_id = ReferralId::new("ref_000000000000000000000retry");
            }
            Command::CreateReferral(CreateReferral { commission_id, ..create })
        }
        Command::RecordSale(mut sale) => {
            sale.context.request_id = request_id;
            Command::RecordSale(RecordSale { commission_id, conversion_id: ConversionId::new("conv_retry"), ..sale })
        }
        Command::Refund(mut refund) => {
            refund.context.request_id = request_id;
            Command::Refund(Refund { refund_id: RefundId::new("rfd_retry"), clawback_id: commission_id, ..refund })
        }
        Command::Reconsider(mut reconsider) => {
            reconsider.context.request_id = request_id;
            Command::Reconsider(Reconsider { commission_id, ..reconsider })
        }
        Command::ManualCommission(mut manual) => {
            manual.context.request_id = request_id;
            let conversion_id = ConversionId::new("conv_retry");
            Command::ManualCommission(ManualCommission { conversion_id, commission_id, ..manual })
        }
        Command::EditCommission(mut edit) => {
            edit.context.request_id = request_id;
            Command::EditCommission(edit)
        }
        Command::EditReferral(mut edit) => {
            edit.context.request_id = request_id;
            Command::EditReferral(edit)
        }
        Command::MoveCommissions(mut step) => {
            step.context.request_id = request_id;
            Command::MoveCommissions(step)
        }
        Command::ExpireRefund(mut expire) => {
            expire.context.request_id = request_id;
            Command::ExpireRefund(expire)
        }
        Command::EraseReferral(mut erase) => {
            erase.context.request_id = request_id;
            Command::EraseReferral(erase)
        }
    }
}

fn signed_up(outcome: Outcome) -> SignedUp {
    match outcome {
        Outcome::Referral { referral, first_seen, reason } => SignedUp { referral: *referral, first_seen, reason },
        other => panic!("no referral: {other:?}"),
    }
}

fn sold(outcome: Outcome) -> (RecordedSale, FirstSeen, Vec<String>) {
    match outcome {
        Outcome::Sale { sale, first_seen, differing } => (*sale, first_seen, differing),
        other => panic!("no sale: {other:?}"),
    }
}

fn earned(sale: RecordedSale) -> Commission {
    sale.commission.expect("the sale earns")
}

fn rejection(answer: Result<Outcome, Failure>) -> Rejection {
    match answer {
        Err(Failure::Rejected(rejection)) => rejection,
        other => panic!("not refused: {other:?}"),
    }
}

fn email_hash(address: &str) -> String {
    EmailHasher::for_program(SECRET, &scope().program_id).hash(&email(address))
}

fn user(id: &str) -> Identity {
    Identity::external_user_id(id)
}

fn address(text: &str) -> Identity {
    Identity::email_hash(email_hash(text))
}

impl From<SignUp> for Command {
    fn from(command: SignUp) -> Self {
        Self::SignUp(command)
    }
}

impl From<CreateReferral> for Command {
    fn from(command: CreateReferral) -> Self {
        Self::CreateReferral(command)
    }
}

impl From<RecordSale> for Command {
    fn from(command: RecordSale) -> Self {
        Self::RecordSale(command)
    }
}

impl From<Refund> for Command {
    fn from(command: Refund) -> Self {
        Self::Refund(command)
    }
}

impl From<EditReferral> for Command {
    fn from(command: EditReferral) -> Self {
        Self::EditReferral(command)
    }
}

impl From<MoveCommissions> for Command {
    fn from(command: MoveCommissions) -> Self {
        Self::MoveCommissions(command)
    }
}

impl From<ExpireRefund> for Command {
    fn from(command: ExpireRefund) -> Self {
        Self::ExpireRefund(command)
    }
}

impl From<EraseReferral> for Command {
    fn from(command: EraseReferral) -> Self {
        Self::EraseReferral(command)
    }
}
