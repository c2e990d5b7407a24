//! The learning rates that a parameterization asks for, layer by layer.

use super::optimizer::Optimizer;
use crate::error::{Error, Result};
use crate::model::Architecture;

/// What the learning rate is multiplied with for each parameter array of a network.
///
/// 1 in `standard` and `ntk`; `gamma^2 = gamma0^2 width` in `mup`, for every layer, so that a step changes the outputs and
/// the features by as much at any width.
///
/// # Errors
/// `mup` with Adam, whose step does not grow with the gradient: another rule would hold.
pub fn rates(model: &Architecture, optimizer: Optimizer) -> Result<Vec<f64>> {
    let gamma = model.gamma()?;
    if gamma != 1.0 && matches!(optimizer, Optimizer::Adam { .. }) {
        return Err(Error::usage(
            "the learning rates of param = \"mup\" are those of gradient descent, and Adam needs others",
            "use --optimizer sgd, momentum, nesterov or flow, or another param",
        ));
    }
    Ok(vec![gamma * gamma; model.parameters()?.len()])
}
