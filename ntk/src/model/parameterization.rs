//! Where the standard deviations of a layer act.

/// Where the standard deviations of a layer act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parameterization {
    /// `y = x W + b` with `W ~ N(0, W_std^2 / fan_in)`, `b ~ N(0, b_std^2)`.
    ///
    /// Choose it to match networks trained in common frameworks. Its kernel grows with the width.
    Standard,
    /// `y = W_std / sqrt(fan_in) x W + b_std b` with `W, b ~ N(0, 1)`.
    ///
    /// Choose it to compare with the infinite-width limit: its kernel has one.
    #[default]
    Ntk,
    /// As `ntk`, the read-out divided by `gamma = gamma0 sqrt(width)`, width being the inputs of the read-out.
    ///
    /// Choose it to keep features moving at any width: with the learning rate `eta0 gamma^2` for every layer, a step
    /// changes them by as much in a wide network as in a narrow one. The learning rate never enters a kernel.
    ///
    /// # Source
    /// Yang and Hu 2021, "Tensor Programs IV"; `gamma0` as in Chizat, Oyallon and Bach 2019.
    Mup,
}

impl Parameterization {
    /// Every parameterization.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Ntk, Self::Mup];

    /// The value of `param` in a model file or a preset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ntk => "ntk",
            Self::Mup => "mup",
        }
    }

    /// The parameterization of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// The standard deviations of one array of weights and its bias, and where they act.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
    pub w_std: f64,
    /// The standard deviation of the bias; no bias where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl Weighting {
    /// Whether there is a bias: a `b_std` of 0 means none.
    pub fn has_bias(self) -> bool {
        self.b_std.is_some_and(|b| b != 0.0)
    }

    /// The factors of `x W` and of `b` in the forward pass.
    pub fn multipliers(self, fan_in: usize) -> (f64, f64) {
        match self.param {
            Parameterization::Standard => (1.0, 1.0),
            Parameterization::Ntk | Parameterization::Mup => self.scaled(fan_in),
        }
    }

    /// The standard deviations of `W` and of `b` in the first draw.
    pub fn deviations(self, fan_in: usize) -> (f64, f64) {
        match self.param {
            Parameterization::Standard => self.scaled(fan_in),
            Parameterization::Ntk | Parameterization::Mup => (1.0, 1.0),
        }
    }

    fn scaled(self, fan_in: usize) -> (f64, f64) {
        (self.w_std / (fan_in as f64).sqrt(), self.b_std.unwrap_or(0.0))
    }
}
