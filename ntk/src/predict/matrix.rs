//! Kernels and outputs as matrices.

use autodiff::Float;
use faer::{Mat, MatRef};

use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};
use crate::spectral::StoredKernel;

/// Whether the outputs of a network share a kernel or interact through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coupling {
    /// `[n, m]`: the same for every output, and none between outputs.
    Shared,
    /// `[n, m, o, o]`, as a matrix of samples and outputs, samples major.
    Full,
}

impl Coupling {
    /// Rows of outputs `[n, o]` seen by the kernel, and columns.
    pub(crate) fn sizes(self, samples: usize, outputs: usize) -> (usize, usize) {
        match self {
            Self::Shared => (samples, outputs),
            Self::Full => (samples * outputs, 1),
        }
    }
}

/// A symmetric kernel of training samples.
pub(crate) fn training<R: Float + Element>(kernel: &Array<R>, outputs: usize) -> Result<(Mat<f64>, Coupling, usize)> {
    let coupling = coupling(kernel, outputs)?;
    let checked = StoredKernel::new(kernel)?;
    let n = checked.n;
    if n == 0 {
        return Err(Error::usage("a kernel of no samples", "give at least one training sample"));
    }
    Ok((matrix(kernel, coupling), coupling, n))
}

/// A kernel of test samples with training samples.
///
/// # Shape
/// `[m, n]` or `[m, n, o, o]`, as the training kernel is
pub(crate) fn test<R: Float>(kernel: &Array<R>, coupling: Coupling, n: usize, outputs: usize) -> Result<Mat<f64>> {
    if self::coupling(kernel, outputs)? != coupling || kernel.shape[1] != n {
        let m = kernel.rows();
        let expected = if coupling == Coupling::Shared { vec![m, n] } else { vec![m, n, outputs, outputs] };
        return Err(Error::Shape {
            what: "the kernel of test and training samples".into(),
            expected,
            found: kernel.shape.clone(),
            remedy: "give test samples along the first axis, the training samples along the second".into(),
        });
    }
    if let Some(at) = kernel.data.iter().position(|x| !Float::is_finite(*x)) {
        let row = at / kernel.row_len().max(1);
        let what = format!("the kernel of test and training samples is not finite in row {row}");
        return Err(Error::numerics(what, "compute the kernel again"));
    }
    Ok(matrix(kernel, coupling))
}

fn coupling<R>(kernel: &Array<R>, outputs: usize) -> Result<Coupling> {
    match kernel.shape[..] {
        [_, _] => Ok(Coupling::Shared),
        [_, _, a, b] if a == outputs && b == outputs => Ok(Coupling::Full),
        _ => Err(Error::Shape {
            what: "the kernel".into(),
            expected: vec![kernel.rows(), kernel.shape.get(1).copied().unwrap_or(1), outputs, outputs],
            found: kernel.shape.clone(),
            remedy:
                "give a kernel [n, m] that all outputs share, or [n, m, o, o] with as many outputs as the targets have"
                    .into(),
        }),
    }
}

fn matrix<R: Float>(kernel: &Array<R>, coupling: Coupling) -> Mat<f64> {
    let (n, m) = (kernel.shape[0], kernel.shape[1]);
    match coupling {
        Coupling::Shared => Mat::from_fn(n, m, |i, j| kernel.data[i * m + j].to_f64()),
        Coupling::Full => {
            let o = kernel.shape[2];
            Mat::from_fn(n * o, m * o, |i, j| kernel.data[((i / o * m + j / o) * o + i % o) * o + j % o].to_f64())
        }
    }
}

/// Outputs `[n, o]` as the matrix that the kernel acts on.
pub(crate) fn outputs_of(
    values: &Array<f64>,
    what: &str,
    coupling: Coupling,
    samples: usize,
    outputs: usize,
) -> Result<Mat<f64>> {
    if values.shape != [samples, outputs] {
        return Err(Error::Shape {
            what: what.into(),
            expected: vec![samples, outputs],
            found: values.shape.clone(),
            remedy: "give one row a sample and one column an output".into(),
        });
    }
    if let Some(at) = values.data.iter().position(|x| !x.is_finite()) {
        return Err(Error::numerics(format!("{what} of sample {} is not finite", at / outputs), "remove the sample"));
    }
    let (rows, columns) = coupling.sizes(samples, outputs);
    Ok(Mat::from_fn(rows, columns, |i, j| values.data[i * columns + j]))
}

/// Back to `[.., o]`: rows appended to a list.
pub(crate) fn append(matrix: MatRef<'_, f64>, to: &mut Vec<f64>) {
    for i in 0..matrix.nrows() {
        to.extend((0..matrix.ncols()).map(|j| matrix[(i, j)]));
    }
}
