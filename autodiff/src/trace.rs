//! What the sweeps do to a program of single numbers, line by line: for people to look at.
//!
//! On single numbers every op is, at a point, its slopes, one by each operand, whatever its kind:
//!
//! ```text
//! elementwise  y = f(x)          slope f'(x),  which moves by  f''(x) x_dot
//! pairwise     y = f(a, b)       slopes f_a, f_b, which move by  f_aa a_dot + f_ab b_dot, and so on
//! linear       y = c_1 x_1 + ..  slopes c_i,   which do not move
//! bilinear     y = a b           slopes b, a,  which move by  b_dot, a_dot
//! ```
//!
//! and with `s` a slope and `s_dot` how fast it moves, the four sweeps are four lines:
//!
//! ```text
//! pushforward, up the list         y_dot      = sum of  s x_dot
//! pullback, down the list          x_bar     += s y_bar
//! its tangent                      x_bar_dot += s y_bar_dot + s_dot y_bar
//! ```
//!
//! This is not how derivatives are computed here, but what they amount to; the sweeps ([`crate::sweep`]) keep no cotangent
//! longer than they must, and know arrays. The tests hold the one to the other.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::Op;
use crate::op::bilinear::Sizes;
use crate::sweep::{Pool, Tangents, pushforward};
use crate::tape::{Node, Tape, Var};

/// One node and what passed through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The node's place on the tape.
    pub node: u32,
    /// Its primal.
    pub value: f64,
    /// Its tangent.
    pub tangent: f64,
    /// The output's derivative by it; none where the output does not depend on it, or it on no leaf.
    pub cotangent: Option<f64>,
    /// The tangent of the cotangent; for a leaf, the entry of the Hessian-vector product.
    pub cotangent_tangent: Option<f64>,
    /// A slope for each operand.
    pub edges: SmallVec<[Edge; 2]>,
}

/// An operand of a node, and how the node moves with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The operand's place on the tape.
    pub operand: u32,
    /// The node's derivative by the operand.
    pub slope: f64,
    /// The slope's own derivative along the direction.
    pub slope_dot: f64,
}

/// The lines of a tape up to `output`, along a tangent for each leaf.
///
/// ```
/// use autodiff::{Arena, trace::trace};
///
/// let mut arena = Arena::new();
/// let tape = arena.tape();
/// let (x, y) = (tape.leaf(&[3.0], &[]).unwrap(), tape.leaf(&[2.0], &[]).unwrap());
/// let lines = trace(x.powi(2).times(y).unwrap(), &[1.0, 0.0]).unwrap();
/// let [x, y, square, z] = &lines[..] else { unreachable!() };
/// assert_eq!((z.value, z.tangent), (18.0, 12.0)); // d/dx x^2 y = 2 x y
/// assert_eq!((x.cotangent, y.cotangent, square.cotangent), (Some(12.0), Some(9.0), Some(2.0)));
/// assert_eq!((x.cotangent_tangent, y.cotangent_tangent), (Some(4.0), Some(6.0))); // the Hessian's first column
/// ```
///
/// # Errors
/// [`Error::NotScalar`] if a value on the tape is not one number, [`Error::Arguments`] if there is not a tangent for
/// each leaf, [`Error::Program`] if an op has a rule of its own.
pub fn trace(output: Var<'_, f64>, along: &[f64]) -> Result<Vec<Line>> {
    let tape = output.tape();
    if along.len() != tape.leaves() {
        return Err(Error::Arguments { verb: "trace", what: "tangents", expected: tape.leaves(), found: along.len() });
    }
    if let Some(array) = tape.variables().find(|var| var.value().len() != 1) {
        return Err(Error::NotScalar { verb: "trace", shape: array.shape().into() });
    }
    let rule =
        |var: Var<'_, f64>| if let Op::Custom(index) = var.node().op { Some(tape.rule(index).name()) } else { None };
    if let Some(name) = tape.variables().find_map(rule) {
        let what = "hides its slopes behind a rule of its own; trace the ops that it is made of";
        return Err(Error::Program(format!("trace: {name} {what}")));
    }
    let mut pool = Pool::default();
    let seeds: Vec<_> = tape.leaf_variables().zip(along).map(|(x, x_dot)| (x, std::slice::from_ref(x_dot))).collect();
    let tangents = pushforward(tape, &seeds, 1, &mut pool)?;
    let mut lines: Vec<Line> = tape.variables().take(output.id() as usize + 1).map(|y| line(y, &tangents)).collect();
    let last = lines.len() - 1;
    if output.node().active {
        (lines[last].cotangent, lines[last].cotangent_tangent) = (Some(1.0), Some(0.0));
    }
    for y in (0..lines.len()).rev() {
        let (Some(bar), Some(bar_dot)) = (lines[y].cotangent, lines[y].cotangent_tangent) else { continue };
        for edge in lines[y].edges.clone() {
            if tape.node(edge.operand).active {
                let x = &mut lines[edge.operand as usize];
                add(&mut x.cotangent, edge.slope * bar);
                add(&mut x.cotangent_tangent, edge.slope * bar_dot + edge.slope_dot * bar);
            }
        }
    }
    Ok(lines)
}

/// The first term is written, not added to 0, which would lose -0.
fn add(sum: &mut Option<f64>, term: f64) {
    *sum = Some(sum.map_or(term, |sum| sum + term));
}

/// A node with its value, tangent and slopes.
fn line(y: Var<'_, f64>, tangents: &Tangents<'_, f64>) -> Line {
    let (tape, node) = (y.tape(), y.node());
    let edges = (0..node.inputs.len()).map(|i| edge(tape, &node, i, tangents)).collect();
    let tangent = tangents.of(y).map_or(0.0, |y_dot| y_dot[0]);
    Line { node: y.id(), value: node.value[0], tangent, cotangent: None, cotangent_tangent: None, edges }
}

/// The slope by operand `i`: what the op makes of a tangent of 1.
fn edge(tape: &Tape<'_, f64>, node: &Node<'_, f64>, i: usize, tangents: &Tangents<'_, f64>) -> Edge {
    let operand = node.inputs[i];
    let x = tape.node(operand);
    let moves = |id: u32| tangents.at(id).map_or(0.0, |x_dot| x_dot[0]);
    let (mut slope, mut slope_dot) = ([0.0], [0.0]);
    match node.op {
        // Refused above.
        Op::Constant | Op::Leaf(_) | Op::Custom(_) => {}
        Op::Elementwise(op) => {
            map::slope(op, x.value, node.value, &mut slope);
            map::second(op, x.value, node.value, &mut slope_dot);
            slope_dot[0] *= moves(operand);
        }
        Op::Pairwise(op) => {
            let [a, b] = [0, 1].map(|j| tape.node(node.inputs[j]).value);
            map::pair::slope(op, i, a, b, node.value, &mut slope);
            for (j, &input) in node.inputs.iter().enumerate() {
                let mut bend = [0.0];
                map::pair::second(op, [i, j], a, b, node.value, &mut bend);
                slope_dot[0] += bend[0] * moves(input);
            }
        }
        Op::Linear(op) => op.apply(i, (x.shape, &[1.0]), (node.shape, &mut slope), Accumulate::Replace),
        Op::Bilinear(op) => {
            let other = node.inputs[1 - i];
            let sizes = Sizes { a: tape.node(node.inputs[0]).shape, b: tape.node(node.inputs[1]).shape };
            let product = |other: f64, out: &mut [f64]| match i {
                0 => op.apply(sizes, 1, &[1.0], &[other], out, Accumulate::Replace),
                _ => op.apply(sizes, 1, &[other], &[1.0], out, Accumulate::Replace),
            };
            product(tape.node(other).value[0], &mut slope);
            product(moves(other), &mut slope_dot);
        }
    }
    Edge { operand, slope: slope[0], slope_dot: slope_dot[0] }
}
