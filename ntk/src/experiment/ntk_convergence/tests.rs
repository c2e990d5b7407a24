use super::judge::{deviation, percentiles_off};
use super::*;
use crate::experiment::conduct::{Nowhere, conduct};
use crate::experiment::{Conditions, Protocol, Run, Scale};

fn measured(piece: Piece) -> Record {
    NtkConvergence.measure(&piece, &Lab::default()).unwrap()
}

#[test]
fn the_limit_is_that_of_a_separate_program() {
    // From a separate program in numpy: the kernel with itself, at right angles, and with the opposite point.
    let found = measured(Piece::Limit { angles: 4, bias: 0.1 });
    let theta = &found.values("theta").unwrap().data;
    for (found, expected) in theta.iter().zip([0.06435, 0.09270, 0.28250, 0.09270]) {
        assert!((found - expected).abs() < 6e-6, "{theta:?}");
    }
    // Where nothing was learnt there is spread, and less than before training: sqrt K(x, x).
    let deviation = &found.values("deviation").unwrap().data;
    assert!(deviation.iter().all(|d| (0.0..0.4).contains(d)) && deviation.iter().any(|d| *d > 0.02), "{deviation:?}");
}

#[test]
fn eigenvalues_of_digits_are_those_of_a_separate_program() {
    // Of 512 digits drawn otherwise: the first, of what all digits share, to a percent; two of the others are close together.
    let found = measured(Piece::Spectrum { seed: 0, data: "digits".into(), samples: 512, bias: 0.1 });
    let values = &found.values("eigenvalues").unwrap().data;
    for (found, (expected, to)) in
        values.iter().zip([(0.3082, 0.01), (0.01792, 0.12), (0.01615, 0.12), (0.01381, 0.12)])
    {
        assert!((found / expected - 1.0).abs() < to, "{values:?}");
    }
}

#[test]
fn deviations_are_relative_and_percentiles_are_held_against_the_gaussian() {
    let limit = [1.0, 2.0];
    let (a, b) = ([1.0, 2.0], [2.0, 4.0]);
    assert!((deviation(&[&a, &b], &limit) - 0.5_f64.sqrt()).abs() < 1e-15);
    // Eleven outputs from -5 to 5 at one angle: percentiles -4, 0, 4.
    let outputs: Vec<[f64; 1]> = (-5..=5).map(|i| [f64::from(i)]).collect();
    let rows: Vec<&[f64]> = outputs.iter().map(|row| row.as_slice()).collect();
    assert!(percentiles_off(&rows, &[0.0], &[4.0 / 1.281_551_565_544_6]) < 1e-12);
    assert!(
        (percentiles_off(&rows, &[1.0], &[4.0 / 1.281_551_565_544_6]) * 4.0 / 1.281_551_565_544_6 - 1.0).abs() < 1e-9
    );
}

fn small() -> Box<dyn Run> {
    let text = "angles = 8\nkernel_widths = [8, 32]\nkernel_inits = 4\ntrained_widths = [8, 32]\ntrained_inits = 2\n\
                trained_samples = 6\ntrained_steps = 3\nfunction_widths = [8, 32]\nfunction_inits = 3\nfunction_time = 40\n\
                component_samples = 40\ncomponent_widths = [8, 32]\nseeds = [5, 6]";
    NtkConvergence.run(Scale::Quick, &text.parse().unwrap()).unwrap()
}

#[test]
fn a_small_run_has_every_claim_and_figure_and_the_same_bits_on_any_number_of_threads() {
    let run = small();
    let records = |threads| conduct(&*run, &Nowhere, &Conditions { threads, ..Conditions::default() }).unwrap();
    let one = records(1);
    assert_eq!(one, records(3));
    let findings = run.judge(one).unwrap();
    assert_eq!((findings.claims.len(), findings.figures.len()), (10, 4));
    for claim in &findings.claims {
        assert!(claim.measured.is_finite() && claim.values.len() == 2, "{claim:?}");
    }
    let named = |name: &&str| findings.claims.iter().any(|judged| judged.claim.name == *name);
    assert!(findings.figures.iter().all(|figure| figure.claims.iter().all(&named)));
}

#[test]
fn one_width_is_too_few() {
    let error = NtkConvergence.run(Scale::Quick, &"kernel_widths = [8]".parse().unwrap()).err().unwrap().to_string();
    assert!(error.contains("kernel_widths has one width"), "{error}");
}
