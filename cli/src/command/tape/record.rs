//! An expression on a tape: names become leaves, terms become ops.

use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise::{LeakyRelu, Powf, Powi};
use autodiff::{Tape, Var};
use ntk::nearest::nearest;

use super::parse::{Expression, Term};
use crate::failure::Failure;

/// Numbers with a name.
const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// Functions that are not an op each, and how many arguments they take.
const COMPOSED: [(&str, usize); 5] = [("log", 1), ("pow", 2), ("atan2", 2), ("hypot", 2), ("leaky_relu", 2)];

/// A term that is recorded: a value that varies, or a number known before.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(f64),
    Var(Var<'a, f64>),
}

/// Names with values, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Names(pub(super) Vec<(String, f64)>);

impl Names {
    /// Reads `x=1,y=pi/2`.
    ///
    /// # Errors
    /// If that is not its form, a name is there twice, or a value is no number.
    pub(super) fn parse(flag: &str, text: &str) -> Result<Self, Failure> {
        let mut names = Self::default();
        let refused =
            |what: String, hint: &str| Failure::Usage { what: format!("{flag}: {what}"), hint: hint.to_owned() };
        for part in parts(text) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(refused(format!("'{}' gives no value", part.trim()), &format!("write {flag} x=1,y=2")));
            };
            let name = name.trim();
            let first = name.chars().next();
            if !first.is_some_and(|c| c.is_alphabetic() || c == '_')
                || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                return Err(refused(format!("'{name}' is no name"), "begin a name with a letter"));
            }
            if CONSTANTS.iter().any(|(constant, _)| *constant == name) {
                return Err(refused(format!("'{name}' is a constant"), "call the variable something else"));
            }
            if names.value(name).is_some() {
                return Err(refused(format!("'{name}' has two values"), "give each name one"));
            }
            let value = number(flag, value)?;
            names.0.push((name.to_owned(), value));
        }
        Ok(names)
    }

    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// What commas outside of parentheses divide.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_i64, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    if parts.iter().all(|part| part.trim().is_empty()) { Vec::new() } else { parts }
}

/// A value: an expression without names.
fn number(flag: &str, text: &str) -> Result<f64, Failure> {
    let mut arena = autodiff::Arena::new();
    let expression = Expression::parse(text)?;
    let at = expression.terms.iter().position(|term| matches!(term, Term::Name(name) if constant(name).is_none()));
    if let Some(at) = at {
        return Err(expression.fault(at, &format!("{flag}: a name in a value"), "give a number, such as 0.5 or pi/2"));
    }
    let value = record(&expression, arena.tape(), &[])?.value()[0];
    if value.is_finite() {
        return Ok(value);
    }
    Err(Failure::Usage { what: format!("{flag}: {} is {value}", text.trim()), hint: "give a finite number".to_owned() })
}

fn constant(name: &str) -> Option<f64> {
    CONSTANTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The elementwise op of a name; those with a parameter are called otherwise.
fn function(name: &str) -> Option<ElementwiseOp> {
    let parameter = |op: &ElementwiseOp| {
        use ElementwiseOp::{Elu, LeakyRelu, Polygamma, Powf, Powi};
        matches!(op, Powi(_) | LeakyRelu(_) | Powf(_) | Elu(_) | Polygamma(_))
    };
    let composed = COMPOSED.iter().any(|(known, _)| *known == name);
    ElementwiseOp::ALL.iter().copied().find(|op| op.name() == name && !parameter(op) && !composed)
}

/// Every name that can be called.
fn functions() -> impl Iterator<Item = &'static str> {
    let ops = ElementwiseOp::ALL.iter().map(|op| op.name()).filter(|name| function(name).is_some());
    ops.chain(COMPOSED.iter().map(|(name, _)| *name))
}

/// Records the expression; the variables stand for the names.
///
/// # Errors
/// Names without a value and functions that there are not, with the column and the nearest that there is.
pub(super) fn record<'a>(
    expression: &Expression,
    tape: &'a Tape<'a, f64>,
    variables: &[(&str, Var<'a, f64>)],
) -> Result<Var<'a, f64>, Failure> {
    let mut values: Vec<Value<'a>> = Vec::with_capacity(expression.terms.len());
    for (at, term) in expression.terms.iter().enumerate() {
        let value = match term {
            Term::Number(number) => Value::Number(*number),
            Term::Name(name) => named(expression, at, name, variables)?,
            Term::Negate(x) => match values[*x] {
                Value::Number(x) => Value::Number(-x),
                Value::Var(x) => Value::Var(-x),
            },
            Term::Binary(operator, a, b) => binary(tape, *operator, values[*a], values[*b])?,
            Term::Call(name, arguments) => {
                let arguments: Vec<Value<'a>> = arguments.iter().map(|&x| values[x]).collect();
                call(expression, at, tape, name, &arguments)?
            }
        };
        values.push(value);
    }
    let whole = values.pop().unwrap_or(Value::Number(0.0));
    variable(tape, whole)
}

fn named<'a>(
    expression: &Expression,
    at: usize,
    name: &str,
    variables: &[(&str, Var<'a, f64>)],
) -> Result<Value<'a>, Failure> {
    if let Some((_, var)) = variables.iter().find(|(known, _)| *known == name) {
        return Ok(Value::Var(*var));
    }
    if let Some(value) = constant(name) {
        return Ok(Value::Number(value));
    }
    let known = variables.iter().map(|(known, _)| *known).chain(CONSTANTS.iter().map(|(known, _)| *known));
    let hint = match nearest(name, known) {
        _ if function(name).is_some() => format!("'{name}' is a function: write {name}(x)"),
        Some(near) => format!("did you mean {near}? or give it one: --at {name}=1"),
        None => format!("give it one: --at {name}=1"),
    };
    Err(expression.fault(at, &format!("'{name}' has no value"), &hint))
}

fn call<'a>(
    expression: &Expression,
    at: usize,
    tape: &'a Tape<'a, f64>,
    name: &str,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, Failure> {
    let wanted = COMPOSED.iter().find(|(known, _)| *known == name).map(|(_, count)| *count);
    let Some(wanted) = wanted.or(function(name).map(|_| 1)) else {
        let hint = match nearest(name, functions()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the functions are {}", functions().collect::<Vec<_>>().join(", ")),
        };
        return Err(expression.fault(at, &format!("no function '{name}'"), &hint));
    };
    if arguments.len() != wanted {
        let what = format!("'{name}' of {} arguments", arguments.len());
        return Err(expression.fault(at, &what, &format!("give it {wanted}")));
    }
    match (name, arguments) {
        ("log", [x]) => Ok(map(tape, function("ln").expect("an op"), *x)),
        ("pow", [x, y]) => binary(tape, '^', *x, *y),
        ("atan2", [y, x]) => Ok(Value::Var(variable(tape, *y)?.atan2(variable(tape, *x)?)?)),
        ("hypot", [x, y]) => Ok(Value::Var(variable(tape, *x)?.hypot(variable(tape, *y)?)?)),
        ("leaky_relu", [x, Value::Number(alpha)]) => Ok(map(tape, LeakyRelu(*alpha).into(), *x)),
        ("leaky_relu", _) => {
            Err(expression.fault(at, "the slope of 'leaky_relu' varies", "give a number as its second argument"))
        }
        (_, [x]) => Ok(map(tape, function(name).expect("known above"), *x)),
        _ => unreachable!("counted above"),
    }
}

/// An elementwise op on a value; numbers are folded.
fn map<'a>(tape: &'a Tape<'a, f64>, op: ElementwiseOp, x: Value<'a>) -> Value<'a> {
    match x {
        Value::Number(x) => {
            let mut y = [0.0];
            autodiff::kernel::map::primal(op, &[x], &mut y);
            Value::Number(y[0])
        }
        Value::Var(x) => {
            debug_assert!(std::ptr::eq(x.tape(), tape));
            Value::Var(x.map(op))
        }
    }
}

/// An operator on two values; what is known before is folded, and a number that is multiplied becomes a coefficient.
fn binary<'a>(tape: &'a Tape<'a, f64>, operator: char, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>, Failure> {
    use Value::{Number, Var};
    let recip = |x| map(tape, function("recip").expect("an op"), x);
    Ok(match (operator, a, b) {
        ('+', Number(a), Number(b)) => Number(a + b),
        ('-', Number(a), Number(b)) => Number(a - b),
        ('*', Number(a), Number(b)) => Number(a * b),
        ('/', Number(a), Number(b)) => Number(a / b),
        ('+', a, b) => Var(variable(tape, a)?.plus(variable(tape, b)?)?),
        ('-', a, b) => Var(variable(tape, a)?.minus(variable(tape, b)?)?),
        ('*', Number(c), Var(x)) | ('*', Var(x), Number(c)) => Var(x.scale(c)),
        ('*', Var(a), Var(b)) => Var(a.times(b)?),
        ('/', Number(1.0), b) => recip(b),
        // A half is exact, a third is not.
        ('/', Var(x), Number(c)) if c.to_bits() & (u64::MAX >> 12) == 0 && c != 0.0 => Var(x.scale(1.0 / c)),
        ('/', a, b) => Var(variable(tape, a)?.over(variable(tape, b)?)?),
        (_, a, Number(n)) if n.fract() == 0.0 && n.abs() <= f64::from(i32::MAX) => map(tape, Powi(n as i32).into(), a),
        (_, a, Number(0.5)) => map(tape, function("sqrt").expect("an op"), a),
        (_, a, Number(p)) => map(tape, Powf(p).into(), a),
        (_, a, b) => Var(variable(tape, a)?.pow(variable(tape, b)?)?),
    })
}

/// A value as a variable.
fn variable<'a>(tape: &'a Tape<'a, f64>, value: Value<'a>) -> Result<Var<'a, f64>, Failure> {
    match value {
        Value::Var(var) => Ok(var),
        Value::Number(number) => Ok(tape.constant(tape.keep(&[number]), &[])?),
    }
}
