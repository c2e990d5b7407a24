use super::judge::falls_below;
use super::*;
use crate::experiment::conduct::{Nowhere, conduct};
use crate::experiment::{Conditions, Protocol, Scale};

#[test]
fn kernels_of_digits_are_those_of_a_separate_program_at_every_depth() {
    // Found in numpy for 32 digits drawn otherwise: kappa and p_ab/p_aa of relu, and of erf at a bias of 0.05.
    for (name, expected) in [("relu-critical", [(1000, 11.90, 0.2534)]), ("erf-critical", [(1000, 17.08, 0.3296)])] {
        let depths = expected.map(|(depth, ..)| depth);
        let found =
            measure::depths_of(Case::named(name).unwrap(), (0, "digits", 32, 8), &depths, &Lab::default()).unwrap();
        let curve = |name: &str| found.values(name).unwrap().data.clone();
        let (largest, smallest) = (curve("largest"), curve("smallest"));
        let (across, diagonal) = (curve("off_diagonal"), curve("diagonal"));
        for (i, (depth, kappa, ratio)) in expected.into_iter().enumerate() {
            assert!(
                (largest[i] / smallest[i] / kappa - 1.0).abs() < 0.04,
                "{name} {depth}: {}",
                largest[i] / smallest[i]
            );
            assert!(
                (across[i] / diagonal[i] / ratio - 1.0).abs() < 0.015,
                "{name} {depth}: {}",
                across[i] / diagonal[i]
            );
        }
    }
}

#[test]
fn a_curve_falls_at_its_first_depth_below_the_level() {
    let record = Record::default().number("depth_scale", 2.0).curve("depths", vec![1.0, 2.0, 6.0, 8.0]);
    assert_eq!(falls_below(&record, &[1.0, 0.95, 0.8, 0.95], 0.9).unwrap(), 3.0);
    assert_eq!(falls_below(&record, &[1.0; 4], 0.9).unwrap(), f64::INFINITY);
}

#[test]
fn a_small_run_has_every_claim_and_figure_and_the_same_bits_on_any_number_of_threads() {
    let text = "points = 8\ntest_points = 4\nsamples = 40\ntest_samples = 30\ncolumns = 3\ndepth = 40\ntimes = [1.0, 64.0]\n\
                deepest = 3000\nseeds = [5, 6]";
    let run = Trainability.run(Scale::Quick, &text.parse().unwrap()).unwrap();
    let records = |threads| conduct(&*run, &Nowhere, &Conditions { threads, ..Conditions::default() }).unwrap();
    let one = records(1);
    assert_eq!(one, records(3));
    let findings = run.judge(one).unwrap();
    assert_eq!((findings.claims.len(), findings.figures.len(), findings.tables.len()), (17, 3, 2));
    let named = |name: &&str| findings.claims.iter().any(|judged| judged.claim.name == *name);
    assert!(findings.figures.iter().all(|figure| figure.claims.iter().all(&named)));
    // Two seeds: of the one ordered case two values, of the two chaotic ones four.
    let values = |name: &str| findings.claims.iter().find(|judged| judged.claim.name == name).unwrap().values.len();
    assert_eq!((values("ordered-smallest"), values("chaotic-smallest"), values("chaotic-trains")), (2, 4, 6));
}

#[test]
fn times_that_do_not_ascend_are_refused() {
    let error = Trainability.run(Scale::Quick, &"times = [8.0, 1.0]".parse().unwrap()).err().unwrap().to_string();
    assert!(error.contains("ascend"), "{error}");
}
