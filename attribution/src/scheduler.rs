//! What is done once a minute: jobs one after the other, none of which can stop another.
//!
//! Serves the platform's one object with a minute's alarm. The next alarm is armed before any work, so that nothing that
//! happens to this minute costs the next one. Nothing here keeps state: when a job last ran, and what went wrong, is for
//! the caller's [`JobLog`].

use crate::ledger::Unavailable;
use crate::time::{Clock, Timestamp};

/// A minute, in milliseconds.
pub const MINUTE_MILLISECONDS: i64 = 60_000;

/// An object's one alarm.
pub trait Alarm {
    /// Arms it for this moment instead of any other; a moment that has passed means at once. `None` disarms it.
    fn arm(&self, at: Option<Timestamp>) -> impl Future<Output = Result<(), Unavailable>>;
}

/// Something to be done every minute. Running it twice, or late, must do no harm.
pub trait Job {
    /// Names it in the log and in health.
    fn name(&self) -> &'static str;

    /// Does it.
    fn run(&self) -> impl Future<Output = Result<(), Unavailable>>;
}

/// One run of a job.
#[derive(Debug)]
pub struct JobRun {
    /// Which job.
    pub name: &'static str,
    /// When it began.
    pub at: Timestamp,
    /// What went wrong.
    pub error: Option<String>,
}

/// Keeps the last run of each job.
pub trait JobLog {
    /// Keeps this one.
    fn note(&self, run: &JobRun) -> Result<(), Unavailable>;
}

/// One minute's work; returns what went wrong, for the log. Each job's failure, and a failure to note it, stays its own.
pub async fn minute(jobs: &[impl Job], log: &impl JobLog, clock: &impl Clock, alarm: &impl Alarm) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(away) = alarm.arm(Some(next_minute(clock.now()))).await {
        problems.push(format!("the next minute is not armed: {away}"));
    }
    for job in jobs {
        let at = clock.now();
        let error = job.run().await.err().map(|away| away.to_string());
        problems.extend(error.iter().map(|error| format!("{}: {error}", job.name())));
        if let Err(away) = log.note(&JobRun { name: job.name(), at, error }) {
            problems.push(format!("{} is not noted: {away}", job.name()));
        }
    }
    problems
}

/// The next full minute: alarms that come late do not make all later ones late.
fn next_minute(now: Timestamp) -> Timestamp {
    let minute = now.milliseconds().div_euclid(MINUTE_MILLISECONDS) + 1;
    Timestamp::from_milliseconds(minute.saturating_mul(MINUTE_MILLISECONDS))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use pollster::block_on;

    use super::*;

    /// Writes down what happens, in order.
    #[derive(Default)]
    struct Diary {
        lines: RefCell<Vec<String>>,
        now: Cell<i64>,
        breaks: Cell<bool>,
    }

    impl Diary {
        fn write(&self, line: impl Into<String>) {
            self.lines.borrow_mut().push(line.into());
        }
    }

    impl Clock for Diary {
        fn now(&self) -> Timestamp {
            Timestamp::from_milliseconds(self.now.get())
        }
    }

    impl Alarm for Diary {
        async fn arm(&self, at: Option<Timestamp>) -> Result<(), Unavailable> {
            self.write(format!("armed for {:?}", at.map(Timestamp::milliseconds)));
            if self.breaks.get() { Err(Unavailable("storage".into())) } else { Ok(()) }
        }
    }

    impl JobLog for Diary {
        fn note(&self, run: &JobRun) -> Result<(), Unavailable> {
            self.write(format!("noted {} {:?}", run.name, run.error));
            if self.breaks.get() { Err(Unavailable("storage".into())) } else { Ok(()) }
        }
    }

    struct Chore<'a>(&'static str, Option<&'static str>, &'a Diary);

    impl Job for Chore<'_> {
        fn name(&self) -> &'static str {
            self.0
        }

        async fn run(&self) -> Result<(), Unavailable> {
            self.2.write(format!("ran {}", self.0));
            self.1.map_or(Ok(()), |cause| Err(Unavailable(cause.to_owned())))
        }
    }

    #[test]
    fn the_next_minute_is_armed_first_and_a_failing_job_stops_none() {
        let diary = Diary { now: Cell::new(125_500), ..Diary::default() };
        let jobs = [Chore("first", Some("no database"), &diary), Chore("second", None, &diary)];
        let problems = block_on(minute(&jobs, &diary, &diary, &diary));
        let expected = [
            "armed for Some(180000)",
            "ran first",
            "noted first Some(\"the store is not available: no database\")",
            "ran second",
            "noted second None",
        ];
        assert_eq!(*diary.lines.borrow(), expected);
        assert_eq!(problems, ["first: the store is not available: no database"]);
    }

    #[test]
    fn a_full_minute_is_followed_by_the_next() {
        assert_eq!(next_minute(Timestamp::from_milliseconds(120_000)).milliseconds(), 180_000);
        assert_eq!(next_minute(Timestamp::from_milliseconds(179_999)).milliseconds(), 180_000);
    }

    #[test]
    fn jobs_run_although_nothing_can_be_armed_or_noted() {
        let diary = Diary { breaks: Cell::new(true), ..Diary::default() };
        let jobs = [Chore("first", None, &diary), Chore("second", None, &diary)];
        let problems = block_on(minute(&jobs, &diary, &diary, &diary));
        assert_eq!(problems.len(), 3);
        assert!(diary.lines.borrow().contains(&"ran second".to_owned()));
    }
}
