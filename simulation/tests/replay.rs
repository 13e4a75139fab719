//! A seed is one run.

use simulation::run;

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        let (first, second) = (run(seed, None, true), run(seed, None, true));
        assert!(first.trace.len() > 10, "seed {seed} has no trace");
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!((first.steps, first.problems), (second.steps, second.problems), "seed {seed}");
    }
}

#[test]
fn whether_it_is_traced_changes_nothing() {
    for seed in 0..20 {
        let (traced, silent) = (run(seed, None, true), run(seed, None, false));
        assert_eq!((traced.steps, traced.attempts), (silent.steps, silent.attempts), "seed {seed}");
        assert_eq!(traced.crash_points, silent.crash_points, "seed {seed}");
    }
}

#[test]
fn other_seeds_are_other_runs() {
    assert_ne!(run(1, None, true).trace, run(2, None, true).trace);
}
