//! The language of `ntk tape`: from text to a list of terms.
//!
//! ```text
//! expression   = prefix (operator expression)*        by binding power, below
//! prefix       = number | name | name "(" expression ("," expression)* ")" | ("-" | "+") expression | "(" expression ")"
//! ```
//!
//! `^` binds tightest and to the right, then a sign, then `* /`, then `+ -`: `-x^2` is `-(x^2)`, and `2^-x` is `2^(-x)`.
//! A parser by binding powers (Pratt): each operator says how hard it holds the operand on either side.
//!
//! Terms are a flat list, each after its operands, so that neither evaluating nor dropping one recurses. The parser does,
//! as deep as [`DEEPEST`].

use crate::failure::Failure;

/// How deep parentheses, signs, exponents and calls may nest.
const DEEPEST: usize = 200;

/// A term; numbers are places in the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Number(f64),
    Name(String),
    Negate(usize),
    Binary(char, usize, usize),
    Call(String, Vec<usize>),
}

/// A parsed expression: its terms, the whole of it last, and where each stands in the text.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) text: String,
    pub(super) terms: Vec<Term>,
    /// First letter and length of each term's own sign or name.
    spans: Vec<Span>,
}

/// A run of letters: where it begins, and how many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    at: usize,
    len: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Sign(char),
    End,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is not one, with the column and what to write.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut parser = Parser { text, tokens: tokens(text)?, next: 0, terms: Vec::new(), spans: Vec::new() };
        parser.expression(0, 0)?;
        let (token, span) = parser.peek().clone();
        match token {
            Token::End => Ok(Self { text: text.to_owned(), terms: parser.terms, spans: parser.spans }),
            Token::Sign(')') => Err(fault(text, span, "this ')' closes nothing", "take it out, or open it before")),
            Token::Sign(',') => {
                Err(fault(text, span, "a ',' outside of a call", "separate arguments of a function only"))
            }
            _ => Err(fault(text, span, "two values side by side", "write an operator between them: 2*x")),
        }
    }

    /// A fault at a term of this expression.
    pub(super) fn fault(&self, term: usize, what: &str, hint: &str) -> Failure {
        fault(&self.text, self.spans[term], what, hint)
    }
}

/// `what` at a place of `text`, which is shown with a caret under it.
fn fault(text: &str, span: Span, what: &str, hint: &str) -> Failure {
    /// Letters shown on either side of the place.
    const AROUND: usize = 32;
    let letters: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let from = span.at.saturating_sub(AROUND);
    let to = letters.len().min(span.at + AROUND);
    let (before, after) = (if from > 0 { "..." } else { "" }, if to < letters.len() { "..." } else { "" });
    let shown: String = letters[from.min(to)..to].iter().collect();
    let lead: String = letters[from.min(to)..span.at.min(to)].iter().collect();
    let indent = before.len() + unicode_width::UnicodeWidthStr::width(lead.as_str());
    let carets = "^".repeat(span.len.clamp(1, AROUND));
    let column = span.at + 1;
    let what = format!("{what} at column {column}\n  {before}{shown}{after}\n  {:indent$}{carets}", "");
    Failure::Usage { what, hint: hint.to_owned() }
}

/// The tokens of a text, `End` last, and where each stands.
fn tokens(text: &str) -> Result<Vec<(Token, Span)>, Failure> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let run = |from: usize, wanted: &dyn Fn(char) -> bool| {
            letters[from..].iter().position(|&c| !wanted(c)).map_or(letters.len(), |len| from + len)
        };
        let digits = |from: usize| run(from, &|c| c.is_ascii_digit());
        let c = letters[at];
        let start = at;
        let token = if c.is_whitespace() {
            at += 1;
            continue;
        } else if c.is_ascii_digit() || c == '.' {
            at = digits(at);
            if letters.get(at) == Some(&'.') {
                at = digits(at + 1);
            }
            if matches!(letters.get(at), Some('e' | 'E')) {
                let signed = at + 1 + usize::from(matches!(letters.get(at + 1), Some('+' | '-')));
                // 2e is 2 times e, which needs an operator; 2e3 is a number.
                if letters.get(signed).is_some_and(char::is_ascii_digit) {
                    at = digits(signed);
                }
            }
            let word: String = letters[start..at].iter().collect();
            let span = Span { at: start, len: at - start };
            let refused = || fault(text, span, &format!("'{word}' is no number"), "write digits with one point: 0.5");
            Token::Number(word.parse().map_err(|_| refused())?)
        } else if c.is_alphabetic() || c == '_' {
            at = run(at, &|c| c.is_alphanumeric() || c == '_');
            Token::Name(letters[start..at].iter().collect())
        } else if "+-*/^(),".contains(c) {
            at += 1;
            // Python's and Fortran's power.
            if c == '*' && letters.get(at) == Some(&'*') {
                at += 1;
                Token::Sign('^')
            } else {
                Token::Sign(c)
            }
        } else {
            let what = format!("'{}' means nothing here", c.escape_debug());
            let hint = "use numbers, names, + - * / ^ and parentheses";
            return Err(fault(text, Span { at, len: 1 }, &what, hint));
        };
        tokens.push((token, Span { at: start, len: at - start }));
    }
    tokens.push((Token::End, Span { at: letters.len(), len: 1 }));
    Ok(tokens)
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<(Token, Span)>,
    next: usize,
    terms: Vec<Term>,
    spans: Vec<Span>,
}

/// How hard an operator holds its left and its right operand.
fn power(operator: char) -> Option<(u8, u8)> {
    match operator {
        '+' | '-' => Some((1, 2)),
        '*' | '/' => Some((3, 4)),
        '^' => Some((8, 7)),
        _ => None,
    }
}

/// How hard a sign holds its operand.
const SIGN: u8 = 5;

impl Parser<'_> {
    fn peek(&self) -> &(Token, Span) {
        &self.tokens[self.next]
    }

    /// The next token, which is passed; `End` stays.
    fn take(&mut self) -> (Token, Span) {
        let taken = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        taken
    }

    fn push(&mut self, term: Term, span: Span) -> usize {
        self.terms.push(term);
        self.spans.push(span);
        self.terms.len() - 1
    }

    /// An expression whose operators hold at least as hard as `least`.
    fn expression(&mut self, least: u8, depth: usize) -> Result<usize, Failure> {
        let (token, span) = self.take();
        if depth > DEEPEST {
            let what = format!("more than {DEEPEST} levels of nesting");
            return Err(fault(self.text, span, &what, "write it flatter, or in pieces"));
        }
        let mut left = match token {
            Token::Number(number) => self.push(Term::Number(number), span),
            Token::Name(name) if self.peek().0 == Token::Sign('(') => self.call(name, span, depth)?,
            Token::Name(name) => self.push(Term::Name(name), span),
            Token::Sign('-') => {
                let operand = self.expression(SIGN, depth + 1)?;
                self.push(Term::Negate(operand), span)
            }
            Token::Sign('+') => self.expression(SIGN, depth + 1)?,
            Token::Sign('(') => {
                let inner = self.expression(0, depth + 1)?;
                self.close(span)?;
                inner
            }
            Token::Sign(sign) => {
                let hint = "write a number, a name or a parenthesis before it";
                return Err(fault(self.text, span, &format!("'{sign}' where a value should be"), hint));
            }
            Token::End if self.terms.is_empty() => {
                return Err(fault(self.text, span, "nothing to record", "write an expression: x*sin(y)"));
            }
            Token::End => {
                return Err(fault(
                    self.text,
                    span,
                    "it ends where a value should be",
                    "write a number, a name or a parenthesis",
                ));
            }
        };
        while let (Token::Sign(operator), span) = *self.peek()
            && let Some((holds_left, holds_right)) = power(operator)
            && holds_left >= least
        {
            self.take();
            let right = self.expression(holds_right, depth + 1)?;
            left = self.push(Term::Binary(operator, left, right), span);
        }
        Ok(left)
    }

    fn call(&mut self, name: String, span: Span, depth: usize) -> Result<usize, Failure> {
        let (_, opened) = self.take();
        let mut arguments = vec![self.expression(0, depth + 1)?];
        while self.peek().0 == Token::Sign(',') {
            self.take();
            arguments.push(self.expression(0, depth + 1)?);
        }
        self.close(opened)?;
        Ok(self.push(Term::Call(name, arguments), span))
    }

    fn close(&mut self, opened: Span) -> Result<(), Failure> {
        match self.take() {
            (Token::Sign(')'), _) => Ok(()),
            (Token::End, _) => {
                Err(fault(self.text, opened, "this '(' is never closed", "write the ')' that is missing"))
            }
            (_, span) => Err(fault(self.text, span, "two values side by side", "write an operator between them: 2*x")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression in full parentheses.
    fn read(text: &str) -> String {
        fn show(terms: &[Term], at: usize) -> String {
            match &terms[at] {
                Term::Number(x) => x.to_string(),
                Term::Name(name) => name.clone(),
                Term::Negate(x) => format!("(-{})", show(terms, *x)),
                Term::Binary(op, a, b) => format!("({}{op}{})", show(terms, *a), show(terms, *b)),
                Term::Call(name, list) => {
                    format!("{name}({})", list.iter().map(|&x| show(terms, x)).collect::<Vec<_>>().join(","))
                }
            }
        }
        let terms = Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).terms;
        show(&terms, terms.len() - 1)
    }

    fn refused(text: &str) -> String {
        Expression::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn operators_hold_as_on_paper() {
        assert_eq!(read("a+b*c^d"), "(a+(b*(c^d)))");
        assert_eq!(read("a-b-c"), "((a-b)-c)");
        assert_eq!(read("a/b/c*d"), "(((a/b)/c)*d)");
        assert_eq!(read("a^b^c"), "(a^(b^c))");
        assert_eq!(read("-x^2"), "(-(x^2))");
        assert_eq!(read("2^-x*y"), "((2^(-x))*y)");
        assert_eq!(read("-a*b"), "((-a)*b)");
        assert_eq!(read("a*-b+c"), "((a*(-b))+c)");
        assert_eq!(read("--x"), "(-(-x))");
        assert_eq!(read("+x"), "x");
        assert_eq!(read(" ( x ) "), "x");
        assert_eq!(read("f(x, y+1)"), "f(x,(y+1))");
        assert_eq!(read("x**2"), "(x^2)");
    }

    #[test]
    fn numbers_are_read_in_all_their_forms() {
        for (text, number) in [
            ("1", "1"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("2.", "2"),
            ("1e3", "1000"),
            ("1.5E-2", "0.015"),
            ("2e+1", "20"),
        ] {
            assert_eq!(read(text), number);
        }
        assert_eq!(read("2*e"), "(2*e)");
    }

    #[test]
    fn faults_point_at_their_column() {
        assert_eq!(
            refused("x+*y"),
            "'*' where a value should be at column 3\n  x+*y\n    ^\nhelp: write a number, a name or a parenthesis before it"
        );
        assert_eq!(
            refused("2x"),
            "two values side by side at column 2\n  2x\n   ^\nhelp: write an operator between them: 2*x"
        );
        assert!(refused("(x+1").starts_with("this '(' is never closed at column 1\n  (x+1\n  ^\n"));
        assert!(refused("x+1)").starts_with("this ')' closes nothing at column 4\n  x+1)\n     ^\n"));
        assert!(refused("x$y").starts_with("'$' means nothing here at column 2\n  x$y\n   ^\n"));
        assert!(refused("1.2.3").starts_with("two values side by side at column 4\n"), "{}", refused("1.2.3"));
        assert!(refused(".").starts_with("'.' is no number at column 1\n"));
        assert!(refused("x+").starts_with("it ends where a value should be at column 3\n  x+\n    ^\n"));
        assert!(refused("  ").starts_with("nothing to record at column 3\n"));
        assert!(refused("x,y").starts_with("a ',' outside of a call at column 2\n"));
        assert!(refused("f()").starts_with("')' where a value should be at column 3\n"));
        // The caret stands under the letter, however wide the letters before it are.
        assert!(refused("变+*y").contains("\n  变+*y\n     ^\n"));
    }

    #[test]
    fn a_long_text_is_shown_around_the_fault() {
        let text = format!("{}*+{}", "x".repeat(500), "y".repeat(500));
        let text = refused(&format!("{text}$"));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        for (open, close) in [("(", ")"), ("-", ""), ("x^", ""), ("f(", ")")] {
            let text = |n: usize| format!("{}x{}", open.repeat(n), close.repeat(n));
            assert!(Expression::parse(&text(150)).is_ok(), "{open}");
            assert!(refused(&text(100_000)).starts_with("more than 200 levels of nesting at column"), "{open}");
        }
        // Length is no depth.
        let terms = Expression::parse(&vec!["x"; 100_000].join("+")).unwrap().terms;
        assert_eq!(terms.len(), 199_999);
    }
}
