//! How far the kernels of two methods are from each other.

use std::path::PathBuf;

use ntk::contraction::Method;
use ntk::data::npy::read_npy;

use super::measure::{Agreement, Row, Status};
use crate::failure::Failure;

/// The methods that others are held against, the first that was measured.
const REFERENCES: [Method; 2] = [Method::Jacobian, Method::Products];

/// Sets the agreement of the rows of one size.
pub(super) fn compare(rows: &mut [Row], kernel: impl Fn(Method) -> PathBuf) -> Result<(), Failure> {
    let measured = |row: &&Row| matches!(row.status, Status::Measured(_));
    if rows.iter().filter(measured).count() < 2 {
        return Ok(());
    }
    let there = |method: &Method| rows.iter().filter(measured).any(|row| row.method == *method);
    let Some(reference) = REFERENCES.into_iter().find(there) else { return Ok(()) };
    let expected = read_npy::<f64>(&kernel(reference))?.data;
    for row in rows {
        let Status::Measured(measured) = &mut row.status else { continue };
        measured.agreement = Some(if row.method == reference {
            Agreement::Reference
        } else {
            let found = read_npy::<f64>(&kernel(row.method))?.data;
            Agreement::Error(relative_error(&found, &expected))
        });
    }
    Ok(())
}

/// `max |a - b| / max |b|`; of two arrays of zeros 0.
fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0_f64, |top, x| top.max(x.abs()));
    let (difference, scale) = (largest(&mut a.iter().zip(b).map(|(a, b)| a - b)), largest(&mut b.iter().copied()));
    if difference == 0.0 && a.len() == b.len() { 0.0 } else { difference / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_relative_in_the_max_norm() {
        assert_eq!(relative_error(&[1.0, -2.0], &[1.0, -4.0]), 0.5);
        assert_eq!(relative_error(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(relative_error(&[1.0], &[0.0]), f64::INFINITY);
    }
}
