//! Changing samples on their way to a step.

/// A change of a sample that keeps its class, made anew at every step.
///
/// Decided here: where it happens, to a copy of the sample and before it is recorded. Which changes make sense depends
/// on the data, so none is built in.
///
/// ```
/// use ntk::train::Augment;
/// /// Mirrors every second visit of an image `[height, width, channels]`.
/// struct Mirror;
/// impl Augment<f64> for Mirror {
///     fn apply(&self, x: &mut [f64], shape: &[usize], step: u64, sample: usize) {
///         let (width, channels) = (shape[1], shape[2]);
///         if (step + sample as u64) % 2 == 0 {
///             return;
///         }
///         for row in x.chunks_exact_mut(width * channels) {
///             for left in 0..width / 2 {
///                 for c in 0..channels {
///                     row.swap(left * channels + c, (width - 1 - left) * channels + c);
///                 }
///             }
///         }
///     }
/// }
/// ```
pub trait Augment<R>: Sync {
    /// Changes the sample number `sample` for step `step`.
    ///
    /// What it does must follow from its arguments alone: steps are repeated after an interruption and shared by
    /// threads in any order. Draw from a generator that `step` and `sample` seed.
    ///
    /// # Shape
    /// `x: [..shape]`
    fn apply(&self, x: &mut [R], shape: &[usize], step: u64, sample: usize);
}
