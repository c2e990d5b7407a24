//! The sweeps over a recording.
//!
//! | sweep | direction | file |
//! |---|---|---|
//! | primal | forward | done while recording, [`crate::tape`] |
//! | pushforward | forward | [`mod@pushforward`] |
//! | pullback | backward | [`mod@pullback`] |
//! | pullback of shared seeds | backward | [`shared`]: as long as samples share their cotangents, one pull serves all |
//! | tangent of the pullback | backward | [`mod@pullback`]: the same loop, its cotangents carrying tangents |
//! | the last three, at one point again and again | | [`mod@linearized`] |
//!
//! Each dispatches on the kind of an op, never on the op, and carries a block of K directions with a leading axis:
//! the tangents or cotangents of a value of shape `s` are `[K, s]`. What happens at a leaf is a [`sink`]'s affair.

mod custom;
pub mod linearized;
pub mod pool;
pub mod pullback;
pub mod pushforward;
pub mod shared;
pub mod sink;

pub use linearized::Linearization;
pub use pool::Pool;
pub use pullback::{pullback, pullback_tangent};
pub use pushforward::{Tangents, pushforward};
pub use shared::{Shared, pullback_shared};
pub use sink::{Bar, Factor, Factors, Gradient, Input, Keep, Layout, Lent, PerSample, Role, Sink, Slopes};
