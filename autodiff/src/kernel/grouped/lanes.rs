//! What the loop needs of a machine float: its registers.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use super::Packing;
use crate::real::Real;

/// `f32` or `f64`, with the vector registers of the machine.
pub trait Lanes: Real + 'static {
    /// Columns of a panel: two of the widest registers.
    const PANEL: usize;
    /// A register of them.
    type Vector<S: Simd>: Copy;

    /// Numbers in a register.
    fn lanes<S: Simd>() -> usize;
    /// One number in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// `a b + c`, in one rounding where the machine has the instruction.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// A slice seen as registers; what does not fill one is left out.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Vector<S>];
    /// Registers seen as numbers.
    fn numbers<S: Simd>(vectors: &[Self::Vector<S>]) -> &[Self];
    /// Runs a loop on the widest vectors of the machine.
    fn on_vectors<K: WithSimd>(kernel: K) -> K::Output;
    /// Lends this thread's buffers.
    fn with_packing<T>(work: impl FnOnce(&mut Packing<Self>) -> T) -> T;

    /// Rows whose accumulators fit the registers beside what is loaded; 0 where they do not.
    #[inline(always)]
    fn most_rows<S: Simd>() -> usize {
        match (S::REGISTER_COUNT, Self::PANEL / Self::lanes::<S>()) {
            // 20 accumulators and 2 of b, of 32.
            (32.., 2) => 10,
            // 12 accumulators of 16; b is read from memory by the instruction itself.
            (_, 2 | 4) => 3,
            _ => 0,
        }
    }

    /// Whether this machine's registers hold accumulators enough.
    fn shares_registers() -> bool {
        Self::on_vectors(MostRows(std::marker::PhantomData::<Self>)) > 0
    }
}

struct MostRows<R>(std::marker::PhantomData<R>);

impl<R: Lanes> WithSimd for MostRows<R> {
    type Output = usize;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        R::most_rows::<S>()
    }
}

macro_rules! lanes {
    ($float:ident, $vector:ident, $lanes:ident, $panel:literal, $splat:ident, $multiply_add:ident, $packing:ident) => {
        thread_local! {
            static $packing: RefCell<Packing<$float>> = RefCell::default();
        }

        impl Lanes for $float {
            const PANEL: usize = $panel;
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }
            #[inline(always)]
            fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$vector] {
                let whole = numbers.len() / S::$lanes * S::$lanes;
                pulp::bytemuck::cast_slice(&numbers[..whole])
            }
            #[inline(always)]
            fn numbers<S: Simd>(vectors: &[S::$vector]) -> &[Self] {
                pulp::bytemuck::cast_slice(vectors)
            }
            fn on_vectors<K: WithSimd>(kernel: K) -> K::Output {
                pulp::Arch::new().dispatch(kernel)
            }
            fn with_packing<T>(work: impl FnOnce(&mut Packing<Self>) -> T) -> T {
                $packing.with_borrow_mut(work)
            }
        }
    };
}

lanes!(f32, f32s, F32_LANES, 32, splat_f32s, mul_add_e_f32s, PACKING_F32);
lanes!(f64, f64s, F64_LANES, 16, splat_f64s, mul_add_e_f64s, PACKING_F64);
