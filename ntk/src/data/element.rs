//! What an array in a file may be read as: `f32` or `f64`.

use std::fmt::Debug;

/// A float that files are read into and written from.
///
/// Conversions round to nearest even, once: an integer goes to `f32` directly and not by way of `f64`, as NumPy's
/// `astype` does.
pub trait Element: Copy + Debug + Default + PartialEq + PartialOrd + Send + Sync + 'static {
    /// The name as users write it: `f32` or `f64`.
    const NAME: &'static str;
    /// The name in the header of a `.npy` file.
    const DESCR: &'static str;
    /// Bytes of one number.
    const BYTES: usize;

    /// Rounds from single precision (exactly).
    fn from_f32(x: f32) -> Self;
    /// Rounds from double precision.
    fn from_f64(x: f64) -> Self;
    /// Rounds from a signed integer.
    fn from_i64(x: i64) -> Self;
    /// Rounds from an unsigned integer.
    fn from_u64(x: u64) -> Self;
    /// Widens to double precision (exactly).
    fn to_f64(self) -> f64;
    /// Whether it is neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// Appends the little-endian bytes of all `numbers`.
    fn put(numbers: &[Self], out: &mut Vec<u8>);
}

macro_rules! element {
    ($float:ident, $descr:literal) => {
        impl Element for $float {
            const NAME: &'static str = stringify!($float);
            const DESCR: &'static str = $descr;
            const BYTES: usize = size_of::<$float>();

            fn from_f32(x: f32) -> Self {
                x as $float
            }
            fn from_f64(x: f64) -> Self {
                x as $float
            }
            fn from_i64(x: i64) -> Self {
                x as $float
            }
            fn from_u64(x: u64) -> Self {
                x as $float
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
            fn put(numbers: &[Self], out: &mut Vec<u8>) {
                let start = out.len();
                out.resize(start + numbers.len() * size_of::<$float>(), 0);
                let (places, _) = out[start..].as_chunks_mut();
                for (place, x) in places.iter_mut().zip(numbers) {
                    *place = x.to_le_bytes();
                }
            }
        }
    };
}

element!(f32, "<f4");
element!(f64, "<f8");
