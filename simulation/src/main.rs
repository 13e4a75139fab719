//! `cargo run --profile simulation -p simulation -- --seeds 10000`: runs seeds, prints how often each crash point was met,
//! and fails on the first seeds that found something, each with the command that replays it.
//!
//! State: none; every thread has its own range of seeds.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::Parser;
use simulation::{Breakage, CrashPoints, Verdict, run};

/// So many failed seeds are shown.
const MAX_SHOWN: usize = 5;

/// Fewer seeds need not meet every crash point.
const SEEDS_THAT_MEET_ALL: u64 = 2_000;

/// The ledger's algorithm under faults.
#[derive(Parser)]
struct Arguments {
    /// So many seeds are run.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs this seed alone and prints everything that happens.
    #[arg(long)]
    seed: Option<u64>,
    /// Builds one thing wrong; the name is one of those in src/breakage.rs.
    #[arg(long)]
    breakage: Option<Breakage>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => replay(seed, arguments.breakage),
        None => run_all(&arguments),
    }
}

fn replay(seed: u64, breakage: Option<Breakage>) -> ExitCode {
    let verdict = run(seed, breakage, true);
    verdict.trace.iter().for_each(|line| println!("{line}"));
    show(&verdict, breakage);
    if verdict.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What one thread found.
#[derive(Default)]
struct Found {
    failed: Vec<Verdict>,
    crash_points: CrashPoints,
    attempts: usize,
    steps: u64,
}

fn run_all(arguments: &Arguments) -> ExitCode {
    let started = machine_time();
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let found: Vec<Found> = thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|first| scope.spawn(move || run_some(arguments, first, threads))).collect();
        runs.into_iter().filter_map(|run| run.join().ok()).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let all_ended = found.len() as u64 == threads;
    let total = found.into_iter().fold(Found::default(), Found::with);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = arguments.seeds as f64 / seconds;
    println!(
        "{} seeds, {} calls, {} steps in {seconds:.1} s: {rate:.0} seeds/s",
        arguments.seeds, total.attempts, total.steps
    );
    let all_met = show_crash_points(&total.crash_points) || arguments.seeds < SEEDS_THAT_MEET_ALL;
    total.failed.iter().take(MAX_SHOWN).for_each(|verdict| show(verdict, arguments.breakage));
    if !total.failed.is_empty() {
        println!("{} of {} seeds failed", total.failed.len(), arguments.seeds);
    }
    if !all_met {
        println!("a crash point was never met: the run has proven nothing about it");
    }
    if all_ended && all_met && total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_some(arguments: &Arguments, first: u64, threads: u64) -> Found {
    let mut found = Found::default();
    let seeds = arguments.from..arguments.from + arguments.seeds;
    for seed in seeds.filter(|seed| seed % threads == first) {
        let verdict = run(seed, arguments.breakage, false);
        found.attempts += verdict.attempts;
        found.steps += verdict.steps;
        found.crash_points.add(&verdict.crash_points);
        if !verdict.problems.is_empty() {
            found.failed.push(verdict);
        }
    }
    found
}

impl Found {
    fn with(mut self, other: Self) -> Self {
        self.failed.extend(other.failed);
        self.failed.sort_by_key(|verdict| verdict.seed);
        self.crash_points.add(&other.crash_points.all());
        self.attempts += other.attempts;
        self.steps += other.steps;
        self
    }
}

/// Prints the table; says whether every crash point was met.
fn show_crash_points(crash_points: &CrashPoints) -> bool {
    let all = crash_points.all();
    for (point, count) in &all {
        println!("  {count:>9}  {}", point.name());
    }
    all.iter().all(|(_, count)| *count > 0)
}

fn show(verdict: &Verdict, breakage: Option<Breakage>) {
    for problem in &verdict.problems {
        println!("seed {}: {problem}", verdict.seed);
    }
    if !verdict.problems.is_empty() {
        let broken = breakage.map(|breakage| format!(" --breakage {}", breakage.name())).unwrap_or_default();
        let seed = verdict.seed;
        println!("  replay: cargo run --profile simulation -p simulation -- --seed {seed}{broken}");
    }
}

/// The machine's time, for the rate of seeds alone.
#[expect(clippy::disallowed_methods, reason = "measures the run itself; the simulated clock is another")]
fn machine_time() -> Instant {
    Instant::now()
}
