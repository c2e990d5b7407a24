//! Nodes and numbers as people write them.

use autodiff::Node;
use autodiff::op::{BilinearOp, ElementwiseOp, LinearOp, Op, PairwiseOp};

use crate::render::quantity;

/// Six significant digits, in ten letters or fewer.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return if x == 0.0 { "0".to_owned() } else { x.to_string() };
    }
    let size = x.abs();
    if !(1e-4..1e6).contains(&size) {
        let text = format!("{x:.3e}");
        // 2.000e-7 is 2e-7.
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", quantity::shortened(digits));
    }
    // Rounding may add a digit in front, which costs one behind.
    let decimals = 5 - size.log10().floor() as i32;
    let text = format!("{x:.*}", decimals.clamp(0, 8) as usize);
    quantity::shortened(&text).to_owned()
}

/// Which of the kinds an op is.
pub(super) fn kind<R>(node: &Node<'_, R>) -> &'static str {
    match node.op {
        Op::Constant => "constant",
        Op::Leaf(_) => "leaf",
        Op::Elementwise(_) => "elementwise",
        Op::Pairwise(_) => "pairwise",
        Op::Linear(_) => "linear",
        Op::Bilinear(_) => "bilinear",
        Op::Custom(_) => "custom",
    }
}

/// The op with its operands: `%1 * %2`, `sin %0`, a leaf's name.
pub(super) fn op(node: &Node<'_, f64>, leaf: &dyn Fn(u32) -> String) -> String {
    let operand = |i: usize| format!("%{}", node.inputs[i]);
    match node.op {
        Op::Constant => match node.value {
            [x] => number(*x),
            _ => "constant".to_owned(),
        },
        Op::Leaf(ordinal) => leaf(ordinal),
        Op::Elementwise(ElementwiseOp::Powi(power)) => format!("{} ^ {}", operand(0), power.0),
        Op::Elementwise(ElementwiseOp::Powf(power)) => format!("{} ^ {}", operand(0), number(power.0)),
        Op::Pairwise(PairwiseOp::Div(_)) => format!("{} / {}", operand(0), operand(1)),
        Op::Pairwise(PairwiseOp::Pow(_)) => format!("{} ^ {}", operand(0), operand(1)),
        Op::Elementwise(ElementwiseOp::LeakyRelu(slope)) => format!("leaky_relu {} {}", operand(0), number(slope.0)),
        Op::Bilinear(BilinearOp::Mul(_)) => format!("{} * {}", operand(0), operand(1)),
        Op::Linear(LinearOp::Combine(combine)) => sum(combine.coefficients, &operand),
        Op::Elementwise(_) | Op::Pairwise(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {
            let operands: Vec<String> = (0..node.inputs.len()).map(operand).collect();
            format!("{} {}", node.op.name(), operands.join(" "))
        }
    }
}

/// The op without its operands, for a box that has arrows: `*`, `sin`, `^ 3`.
pub(super) fn head(node: &Node<'_, f64>, leaf: &dyn Fn(u32) -> String) -> String {
    match node.op {
        Op::Elementwise(ElementwiseOp::Powi(power)) => format!("^ {}", power.0),
        Op::Elementwise(ElementwiseOp::Powf(power)) => format!("^ {}", number(power.0)),
        Op::Pairwise(PairwiseOp::Div(_)) => "/".to_owned(),
        Op::Pairwise(PairwiseOp::Pow(_)) => "^".to_owned(),
        Op::Bilinear(BilinearOp::Mul(_)) => "*".to_owned(),
        Op::Linear(LinearOp::Combine(combine)) => match combine.coefficients {
            [1.0, 1.0] => "+".to_owned(),
            [1.0, -1.0] => "-".to_owned(),
            [-1.0] => "negate".to_owned(),
            [c] => format!("{} *", number(*c)),
            _ => "combine".to_owned(),
        },
        Op::Constant | Op::Leaf(_) => op(node, leaf),
        Op::Elementwise(_) | Op::Pairwise(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {
            node.op.name().to_owned()
        }
    }
}

/// `%1 - 2 %3`
fn sum(coefficients: &[f64], operand: &dyn Fn(usize) -> String) -> String {
    let mut text = String::new();
    for (i, &c) in coefficients.iter().enumerate() {
        let (sign, size) = if c < 0.0 { ("-", -c) } else { ("+", c) };
        match (i, sign) {
            (0, "+") => {}
            (0, _) => text.push('-'),
            _ => text.push_str(&format!(" {sign} ")),
        }
        if size != 1.0 {
            text.push_str(&number(size));
            text.push(' ');
        }
        text.push_str(&operand(i));
    }
    text
}

/// `text`, cut to a number of letters.
pub(super) fn fitted(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(2)).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_and_fit_ten_letters() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-0.416_146_836_547, "-0.416147"),
            (3.627_579_255, "3.62758"),
            (999_999.4, "999999"),
            (999_999.6, "1000000"),
            (123_456_789.0, "1.235e8"),
            (0.000_123_456_7, "0.00012346"),
            (-1.234_567e-300, "-1.235e-300"),
            (2e-7, "2e-7"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
            assert!(number(x).len() <= 11, "{x}");
        }
    }

    #[test]
    fn sums_are_written_with_their_signs() {
        let operand = |i: usize| format!("%{i}");
        assert_eq!(sum(&[1.0, 1.0], &operand), "%0 + %1");
        assert_eq!(sum(&[1.0, -1.0], &operand), "%0 - %1");
        assert_eq!(sum(&[-1.0], &operand), "-%0");
        assert_eq!(sum(&[-2.5, 0.5], &operand), "-2.5 %0 + 0.5 %1");
    }
}
