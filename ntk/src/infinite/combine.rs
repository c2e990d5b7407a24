//! Lines of several layers or branches as one: sums, products and polynomials of kernels.

use autodiff::{Float, Kernel, Real};

use super::line::{self, Line, Pairs, Place, gap_of};
use super::program::{Branch, Join, Polynomial, Step};

/// Passes a line through each branch, and joins what leaves them.
pub(crate) fn join<'s, R: Float>(
    branches: &[Branch],
    join: Join,
    place: &Place<'s, R>,
    here: Pairs<'s, R>,
    line: &mut Line<R>,
    spare: &mut Vec<Line<R>>,
) {
    let (columns, tracked) = (line.k.len(), place.tracked);
    let Some((first, rest)) = branches.split_first() else { return };
    let mut input = spare.pop().unwrap_or_default();
    input.copy(line);
    line::run(&first.steps, place, line, spare);
    if join == Join::Sum && first.share != 1.0 {
        let share = R::from_f64(first.share);
        [&mut line.k, &mut line.theta, &mut line.gap].into_iter().flatten().for_each(|x| *x *= share);
    }
    let mut before = first.joined;
    for (at, branch) in rest.iter().enumerate() {
        // The last branch may have the input itself.
        let mut inner = if at + 1 == rest.len() { std::mem::take(&mut input) } else { spare.pop().unwrap_or_default() };
        if at + 1 < rest.len() {
            inner.copy(&input);
        }
        line::run(&branch.steps, place, &mut inner, spare);
        // Where no gap is carried, nobody asks for variances.
        let of_level = |level| if tracked { place.pairs(level, columns) } else { here };
        let [from, end, to] = [before, branch.end, branch.joined].map(of_level);
        match join {
            Join::Sum => R::vectorize(Add { square: branch.share, tracked, from, end, to, line, branch: &inner }),
            Join::Product => R::vectorize(Multiply { tracked, from, end, line, branch: &inner }),
        }
        before = branch.joined;
        spare.push(inner);
    }
    if rest.is_empty() {
        spare.push(input);
    }
}

/// Passes a line through the layers of a polynomial.
pub(crate) fn polynomial<R: Float>(
    polynomial: &Polynomial,
    step: &Step,
    place: &Place<'_, R>,
    line: &mut Line<R>,
    spare: &mut Vec<Line<R>>,
) {
    let (columns, map) = (line.k.len(), &polynomial.map);
    line::apply(&polynomial.affine, place, (step.from, map.from), line);
    let mut image = spare.pop().unwrap_or_default();
    image.copy(line);
    // What a tangent kernel of ones becomes is E f'(u) f'(v).
    image.theta.fill(R::ONE);
    line::run(std::slice::from_ref(map), place, &mut image, spare);
    let of = place.pairs(map.to, columns);
    let means = [&place.rows.means[polynomial.mean][..], &place.columns.means[polynomial.mean]];
    let (mean, means) = (means[0][of.row], &means[1][of.first..of.first + columns]);
    let Polynomial { degree, skip, .. } = *polynomial;
    R::vectorize(ApplyPolynomial { degree, skip, tracked: place.tracked, mean, means, of, line, image: &image });
    spare.push(image);
}

/// What two covariances add to the gap of their sum: `sqrt((A + B)(A' + B')) - sqrt(A A') - sqrt(B B')`.
///
/// # Rule
/// The product of the sums less the square of `sqrt(A A') + sqrt(B B')` is `(sqrt(A B') - sqrt(B A'))^2`, so nothing cancels.
#[inline(always)]
pub(crate) fn excess<R: Float>(cross: R, whole: R, parts: R) -> R {
    let sum = whole + parts;
    if sum > R::ZERO { cross * cross / sum } else { R::ZERO }
}

/// How far a covariance is from its bound on the side of `positive`.
#[inline(always)]
pub(crate) fn defect<R: Float>(s: R, k: R, gap: R, positive: bool) -> R {
    if (k >= R::ZERO) == positive { gap } else { s + s - gap }
}

struct Add<'s, R> {
    square: f64,
    tracked: bool,
    from: Pairs<'s, R>,
    end: Pairs<'s, R>,
    to: Pairs<'s, R>,
    line: &'s mut Line<R>,
    branch: &'s Line<R>,
}

impl<R: Float> Kernel for Add<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { square, tracked, from, end, to, line, branch } = self;
        let n = line.k.len();
        let (square, root) = (R::from_f64(square), R::from_f64(square.sqrt()));
        let (k, theta) = (&mut line.k[..n], &mut line.theta[..n]);
        if tracked {
            let (gap, of_branch) = (&mut line.gap[..n], &branch.gap[..n]);
            let (rb, rb_end, rb_to) = (&from.rb[..n], &end.rb[..n], &to.rb[..n]);
            for i in 0..n {
                let (s, k) = (from.ra * rb[i], k[i]);
                let (s_branch, k_branch) = (square * (end.ra * rb_end[i]), square * branch.k[i]);
                let positive = k + k_branch >= R::ZERO;
                let cross = root * (from.ra * rb_end[i] - end.ra * rb[i]);
                let more = excess(cross, to.ra * rb_to[i], s + s_branch);
                gap[i] =
                    more + defect(s, k, gap[i], positive) + defect(s_branch, k_branch, square * of_branch[i], positive);
            }
        }
        for (x, &y) in k.iter_mut().zip(&branch.k[..n]) {
            *x += square * y;
        }
        for (x, &y) in theta.iter_mut().zip(&branch.theta[..n]) {
            *x += square * y;
        }
    }
}

struct Multiply<'s, R> {
    tracked: bool,
    from: Pairs<'s, R>,
    end: Pairs<'s, R>,
    line: &'s mut Line<R>,
    branch: &'s Line<R>,
}

impl<R: Float> Kernel for Multiply<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { tracked, from, end, line, branch } = self;
        let n = line.k.len();
        let (k, theta) = (&mut line.k[..n], &mut line.theta[..n]);
        if tracked {
            // s s' - |k k'| = gap s' + |k| gap'
            let (gap, of_branch) = (&mut line.gap[..n], &branch.gap[..n]);
            let (rb, rb_end) = (&from.rb[..n], &end.rb[..n]);
            for i in 0..n {
                gap[i] = gap[i] * (end.ra * rb_end[i]) + (from.ra * rb[i] - gap[i]) * of_branch[i];
            }
        }
        let (of_branch, theta_of_branch) = (&branch.k[..n], &branch.theta[..n]);
        for i in 0..n {
            theta[i] = theta[i] * of_branch[i] + k[i] * theta_of_branch[i];
            k[i] *= of_branch[i];
        }
    }
}

struct ApplyPolynomial<'s, R> {
    degree: u32,
    skip: bool,
    tracked: bool,
    /// `E a` of the row's sample and of the columns'.
    mean: R,
    means: &'s [R],
    /// Variances of the activation.
    of: Pairs<'s, R>,
    /// The layer within.
    line: &'s mut Line<R>,
    /// V, its gap, and V' in the place of the tangent kernel.
    image: &'s Line<R>,
}

/// A factor `1 + a` or `a`: `E of the product`, its bound and its gap.
#[derive(Clone, Copy)]
struct Factor<R> {
    k: R,
    s: R,
    gap: R,
}

impl<R: Float> ApplyPolynomial<'_, R> {
    #[inline(always)]
    fn factor(&self, i: usize) -> (Factor<R>, Factor<R>) {
        let (v, s, gap) = (self.image.k[i], self.of.ra * self.of.rb[i], self.image.gap[i]);
        let image = Factor { k: v, s, gap };
        if !self.skip {
            return (image, image);
        }
        let (one, two) = (R::ONE, R::from_f64(2.0));
        let (ma, mb, qa, qb) = (self.mean, self.means[i], self.of.qa, self.of.qb[i]);
        let k = one + ma + mb + v;
        if !self.tracked {
            return (Factor { k, s: one, gap: R::ZERO }, image);
        }
        let root = |x: R| if x > R::ZERO { Real::sqrt(x) } else { R::ZERO };
        let whole = root(one + two * ma + qa) * root(one + two * mb + qb);
        // Both 1 + a and a are a constant and what deviates from its mean: two bounds that lack as much but for the constants.
        let (da, db) = (root(qa - ma * ma), root(qb - mb * mb));
        let (ca, cb) = (one + ma, one + mb);
        let of_sum = excess(ca * db - cb * da, whole, ca * cb + da * db);
        let of_image = excess(ma * db - mb * da, s, ma * mb + da * db);
        let lack = defect(s, v, gap, true) + of_sum - of_image;
        let gap = match ca * cb < R::ZERO || ma * mb < R::ZERO {
            true => gap_of(whole, k),
            false if k < R::ZERO => whole + whole - lack,
            false => lack,
        };
        (Factor { k, s: whole, gap }, image)
    }
}

impl<R: Float> Kernel for ApplyPolynomial<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let n = self.line.k.len();
        let (degree, tracked) = (self.degree, self.tracked);
        for i in 0..n {
            let (factor, image) = self.factor(i);
            // V G^(N-1), its gap, and the sum over which factor is differentiated.
            let (mut product, mut whole) = (image, R::ONE);
            let mut before = R::ZERO;
            for _ in 1..degree {
                before = before * factor.k + whole * image.k;
                whole *= factor.k;
                if tracked {
                    let gap = product.gap * factor.s + (product.s - product.gap) * factor.gap;
                    product = Factor { s: product.s * factor.s, gap, ..product };
                }
                product.k *= factor.k;
            }
            self.line.k[i] = product.k;
            self.line.theta[i] *= self.image.theta[i] * (whole + before);
            if tracked {
                self.line.gap[i] = product.gap;
            }
        }
    }
}
