"""Derives every constant of this folder with mpmath and prints it in Rust's notation.

Run it with `python3 coefficients.py`; `python3 coefficients.py reference` prints `reference.csv` instead, `reference-arcs`
prints `reference_arcs.csv`.

Each polynomial is the interpolant, in 60 digits, of the function named beside it at the Chebyshev nodes of the interval
where it is used. That is within a small factor of the best approximation of its degree, needs no iteration, and the
error printed after each table is the largest relative one (as a power of two) of the rounded coefficients on a fine grid.
"""
import struct
import sys

from mpmath import (acos, asin, atan, atan2, bernoulli, cos, cosh, digamma, erf, erfc, exp, expm1, fac, findroot, hypot, linspace, log,
                    log1p, loggamma, lu_solve, matrix, mp, mpf, npdf, pi, polygamma, power, sin, sinh, sqrt, tan, tanh)

mp.dps = 60
HALF_LN2 = log(2) / 2
ROOT = findroot(digamma, mpf("1.46"))


def single(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def shown(x, width):
    """The shortest decimal that rounds to x in the width."""
    if width == 64:
        return repr(float(x))
    for digits in range(1, 10):
        text = "%.*e" % (digits - 1, single(x))
        if single(float(text)) == single(x):
            return repr(float(text))


def rounded(x, width):
    return mpf(float(x)) if width == 64 else mpf(single(x))


def chebyshev(a, b, n):
    return [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def horner(c, x):
    total = mpf(0)
    for coefficient in reversed(c):
        total = total * x + coefficient
    return total


def interpolant(f, a, b, n):
    nodes = chebyshev(mpf(a), mpf(b), n)
    a_ij = matrix(n, n)
    b_i = matrix(n, 1)
    for i, x in enumerate(nodes):
        b_i[i] = f(x)
        for j in range(n):
            a_ij[i, j] = x**j
    return list(lu_solve(a_ij, b_i))


def show(name, coefficients, width, whole=None):
    """`whole` maps (polynomial, x) to (approximation, truth) on a grid given with it."""
    print(f"{name}, f{width}:")
    for c in coefficients:
        print(f"    {shown(c, width)},")
    if whole:
        function, grid = whole
        c = [rounded(v, width) for v in coefficients]
        worst = max(abs(a / t - 1) for a, t in (function(lambda x: horner(c, x), x) for x in grid))
        print(f"    // relative error 2^{float(log(worst, 2)):.1f}")


def series(f, terms, x):
    return sum(f(i) * x**i for i in range(terms))


def exponential():
    # (e^r - 1 - r)/r^2 on |r| <= ln2/2, a little wider because rounding to n is done in floating point.
    # The number of nodes is odd, so that 0 is one of them and the first coefficient is 1/2 exactly.
    tail = lambda r: series(lambda i: 1 / fac(i + 2), 40, r)
    edge = HALF_LN2 * mpf("1.001")
    for width, n in ((32, 5), (64, 11)):
        show("EXP_TAIL", interpolant(tail, -edge, edge, n), width,
             (lambda p, r: (r + r * r * p(r), expm1(r)), linspace(-edge, edge, 300)))
    # LN2_HIGH has so few bits that n * LN2_HIGH is exact; LN2_LOW is the rest.
    for width, bits in ((32, 9), (64, 32)):
        high = mpf(int(log(2) * 2**bits + mpf(1) / 2)) / 2**bits
        print(f"LN2_HIGH, LN2_LOW, f{width}: {shown(high, width)}, {shown(log(2) - high, width)}")


def logarithm():
    # ln((1+s)/(1-s)) = 2s + s z R(z), z = s^2, |s| <= (sqrt2-1)/(sqrt2+1).
    z_max = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
    rest = lambda z: series(lambda i: mpf(2) / (2 * i + 3), 60, z)
    for width, n in ((32, 4), (64, 7)):
        show("LN_TAIL", interpolant(rest, 0, z_max, n), width,
             (lambda p, z: (2 + z * p(z), 2 + z * rest(z)), linspace(0, z_max, 200)))


def trigonometric():
    # sin r = r + r z S(z); cos r = 1 - z/2 + z^2 C(z); z = r^2, |r| <= pi/4.
    z_max = (pi / 4) ** 2 * mpf("1.001")
    s = lambda z: series(lambda i: (-1) ** (i + 1) / fac(2 * i + 3), 30, z)
    c = lambda z: series(lambda i: (-1) ** i / fac(2 * i + 4), 30, z)
    for label, ns, nc in (("for f32", 4, 4), ("for f64", 6, 6)):
        show(f"SIN_TAIL {label}", interpolant(s, 0, z_max, ns), 64,
             (lambda p, z: (1 + z * p(z), 1 + z * s(z)), linspace(0, z_max, 200)))
        show(f"COS_TAIL {label}", interpolant(c, 0, z_max, nc), 64,
             (lambda p, z: (1 - z / 2 + z * z * p(z), 1 - z / 2 + z * z * c(z)), linspace(0, z_max, 200)))
    rest, parts = pi / 2, []
    for bits in (33, 33, None):  # n * part is exact for |n| <= 2^20
        if bits is None:
            parts.append(float(rest))
        else:
            exponent = int(mp.floor(log(rest, 2)))
            scale = mpf(2) ** (bits - 1 - exponent)
            parts.append(float(mp.floor(rest * scale) / scale))
        rest -= mpf(parts[-1])
    print("PI_HALF parts:", *map(repr, parts))
    digits = mp.dps
    mp.dps = 450
    bits = int(mp.floor(2 / pi * mpf(2) ** 1280))
    print("TWO_OVER_PI:", *[f"0x{(bits >> (1280 - 64 * (i + 1))) & (2**64 - 1):016x}" for i in range(20)])
    print(f"PI_HALF_FIXED: 0x{int(mp.floor(pi / 2 * 2**63 + mpf(1) / 2)):016x}")
    mp.dps = digits


def error_function():
    # e^(z^2) erfc(z) (z + k) as a polynomial in t = (z - k)/(z + k). Of 1, 1.5, ... 4.5 the shift 3 needs the fewest terms
    # for f64, and 2 for the accuracy of f32.
    for label, k, n, z_max in (("for f32", 2, 12, 11), ("for f64", 3, 24, 28)):
        def scaled(t):
            z = k * (1 + t) / (1 - t)
            return exp(z * z) * erfc(z) * (z + k)
        edge = mpf(z_max - k) / (z_max + k)
        c = interpolant(scaled, -1, edge, n)
        show(f"MILLS {label}", c, 64, (lambda p, t: (p(t), scaled(t)), linspace(mpf(-1), edge, 300)))
    # e^r for results in f32, evaluated in f64.
    c = interpolant(exp, -HALF_LN2, HALF_LN2, 7)
    show("EXP for f32", c, 64, (lambda p, r: (p(r), exp(r)), linspace(-HALF_LN2, HALF_LN2, 300)))
    # erf(x) = x + x Q(x^2) on |x| <= 5/4 (f32) or 3/4 (f64).
    q = lambda u: series(lambda i: 2 / sqrt(pi) * (-1) ** i / fac(i) / (2 * i + 1), 60, u) - 1
    for width, n, edge in ((32, 9, mpf(25) / 16), (64, 11, mpf(9) / 16)):
        show("ERF_NEAR", interpolant(q, 0, edge, n), width, (lambda p, u: (1 + p(u), 1 + q(u)), linspace(0, edge, 200)))
    # erfc(x)^(1/16) on 5/4 <= x <= 3.95, around 2.5, for erf in f32; the error printed is that of 1 - w^16.
    root = lambda s: erfc(s + mpf("2.5")) ** (mpf(1) / 16)
    low, high = mpf("-1.25"), mpf("1.45")
    show("ERFC_ROOT", interpolant(root, low, high, 9), 32,
         (lambda p, s: (1 - p(s) ** 16, erf(s + mpf("2.5"))), linspace(low, high, 200)))


def arcs():
    # An angle a in [0, pi/2] by y = sin^2(a/2): a = sqrt(y) A(y), sin a - a cos a = sqrt(y)^3 B(y), on 0 <= y <= 1/2.
    half = mpf(1) / 2
    a = lambda y: 2 * asin(sqrt(y)) / sqrt(y) if y else mpf(2)
    b = lambda y: (2 * sqrt(y * (1 - y)) - 2 * asin(sqrt(y)) * (1 - 2 * y)) / sqrt(y) ** 3 if y else mpf(8) / 3
    grid = linspace(mpf(0), half, 400)
    for width, n, m in ((32, 9, 8), (64, 19, 18)):
        show("ARC", interpolant(a, 0, half, n), width, (lambda p, y: (p(y), a(y)), grid))
        show("LAG", interpolant(b, 0, half, m), width, (lambda p, y: (p(y), b(y)), grid))


def reference_arcs():
    """Haversines of every exponent down to 1e-300; values carry 25 digits."""
    half = mpf(1) / 2
    golden = [float((half * (sqrt(5) - 1) * i) % 1) for i in range(1, 61)]
    haversines = [0.5 * g for g in golden] + [2.0 ** (-900 * g - 1) for g in golden] + [0.5, 0.0]
    angle = lambda y: 2 * asin(sqrt(y))
    table = {
        "archav": (angle, haversines),
        "arclag": (lambda y: sin(angle(y)) - angle(y) * cos(angle(y)), haversines),
    }
    print("# function, argument, value. mpmath 1.3.0 with 2000 digits, printed by coefficients.py; arguments are exact doubles.")
    mp.dps = 2000
    for name, (function, arguments) in table.items():
        for x in arguments:
            print(f"{name},{x!r},{mp.nstr(function(mpf(x)), 25)}")


def tangents():
    # atan(x)/x - 1 = z A(z), z = x^2, |x| <= 1.
    def rest(z):
        return (atan(sqrt(z)) / sqrt(z) - 1) / z if z > mpf("1e-20") else -mpf(1) / 3 + z / 5
    for width, n in ((32, 10), (64, 21)):
        show("ATAN_TAIL", interpolant(rest, 0, 1, n), width,
             (lambda p, z: (1 + z * p(z), 1 + z * rest(z)), linspace(mpf(0), 1, 300)))
    for width in (32, 64):
        print(f"PI_HALF_LOW, f{width}: {shown(pi / 2 - rounded(pi / 2, width), width)}")
        print(f"PI_LOW, f{width}: {shown(pi - rounded(pi, width), width)}")


def hyperbolic():
    # sinh(x)/x - 1 = z S(z), z = x^2, |x| <= 1.
    rest = lambda z: series(lambda i: 1 / fac(2 * i + 3), 30, z)
    for width, n in ((32, 4), (64, 8)):
        show("SINH_TAIL", interpolant(rest, 0, 1, n), width,
             (lambda p, z: (1 + z * p(z), 1 + z * rest(z)), linspace(mpf(0), 1, 200)))


def powers():
    # ln((1+s)/(1-s)) = 2 s (1 + z/3 + z^2 P(z)), z = s^2, |s| <= (sqrt2-1)/(sqrt2+1).
    z_max = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
    rest = lambda z: series(lambda i: mpf(1) / (2 * i + 5), 60, z)
    show("POWER_TAIL", interpolant(rest, 0, z_max, 8), 64,
         (lambda p, z: (1 + z / 3 + z * z * p(z), 1 + z / 3 + z * z * rest(z)), linspace(0, z_max, 200)))
    third = mpf(1) / 3
    print(f"THIRD: {shown(third, 64)}, {shown(third - rounded(third, 64), 64)}")


def gamma_function():
    # ln Gamma(x) = (x - 1)(x - 2) Q(t) on [1/2, 3], and digamma(x) = (x - root) D(t) on [1, 3]; t = (x - k)/(x + k).
    def smooth(f, g, k, zeros):
        def of(t):
            x = k * (1 + t) / (1 - t)
            # Beside a zero the quotient by its value on a circle: an analytic function is the mean of its values there.
            if min(abs(x - zero) for zero in zeros) > mpf("1e-12"):
                return f(x) / g(x)
            around = [x + mpf("0.2") * mp.expjpi(mpf(2 * i + 1) / 128) for i in range(128)]
            return sum(f(y) / g(y) for y in around).real / 128
        return of
    for name, f, g, k, zeros, low, high, n in (
        ("LN_GAMMA", loggamma, lambda x: (x - 1) * (x - 2), mpf("1.25"), (1, 2), mpf("0.5"), mpf(3), 25),
        ("DIGAMMA", digamma, lambda x: x - ROOT, mpf("1.75"), (ROOT,), mpf(1), mpf(3), 20),
    ):
        h = smooth(f, g, k, zeros)
        a, b = [(x - k) / (x + k) for x in (low, high)]
        show(name, interpolant(h, a, b, n), 64, (lambda p, t: (p(t), h(t)), linspace(a, b, 150)))
    high = rounded(ROOT, 64)
    print(f"ROOT: {shown(high, 64)}, {shown(ROOT - high, 64)}")
    # ln Gamma(x) = (x - 1/2)(ln x - 1) + C + S(1/x^2)/x, S_k = B_2k/(2k (2k - 1)).
    print("STIRLING:", *[shown(bernoulli(2 * k) / (2 * k * (2 * k - 1)), 64) for k in range(1, 10)])
    print("STIRLING_CONSTANT:", shown((log(2 * pi) - 1) / 2, 64))
    # digamma(x) = ln x - 1/(2x) - z D(z), z = 1/x^2, D_k = B_2k/(2k).
    print("DIGAMMA_SERIES:", *[shown(bernoulli(2 * k) / (2 * k), 64) for k in range(1, 10)])
    # Euler and Maclaurin: B_2k/(2k)!
    print("EULER_MACLAURIN:", *[shown(bernoulli(2 * k) / fac(2 * k), 64) for k in range(1, 11)])


def reference():
    """Arguments are spread over each function's range by a fixed rule; values carry 25 digits."""
    half = mpf(1) / 2
    ordinary = [-30, -20, -8.25, -5.5, -3.75, -2.5, -1.5, -1.0625, -0.75, -0.5, -0.40625, -0.3, -0.1, -0.01, -1e-5, -1e-12, -1e-300]
    ordinary = [float(x) for x in ordinary] + [-float(x) for x in ordinary]
    golden = [float((half * (sqrt(5) - 1) * i) % 1) for i in range(1, 61)]
    spread = lambda a, b: [a + (b - a) * g for g in golden]
    powers = lambda a, b: [2.0 ** (a + (b - a) * g) for g in golden]
    mills = lambda x: erfc(-x / sqrt(mpf(2))) / 2
    table = {
        "exp": (exp, ordinary + spread(-708.0, 709.0) + spread(-3.0, 3.0) + spread(-745.0, -708.0)[:8]),
        "expm1": (expm1, ordinary + spread(-40.0, 709.0) + spread(-2.0, 2.0)),
        "ln": (log, [x for x in ordinary if x > 0] + powers(-1074.0, 1023.0) + powers(-1.0, 1.0) + [1.0 + 2.0**-k for k in (1, 5, 20, 52)]),
        "ln_1p": (log1p, [x for x in ordinary if x > -1] + powers(-60.0, 1023.0) + spread(-0.999, 2.0)),
        "sin": (sin, ordinary + spread(-1e6, 1e6) + spread(-7.0, 7.0) + powers(20.0, 1023.0)[:30] + [6381956970095103.0 * 2.0**797]),
        "cos": (cos, ordinary + spread(-1e6, 1e6) + spread(-7.0, 7.0) + powers(20.0, 1023.0)[:30] + [6381956970095103.0 * 2.0**797]),
        "tanh": (tanh, ordinary + spread(-20.0, 20.0) + spread(-1.0, 1.0)),
        "sigmoid": (lambda x: 1 / (1 + exp(-x)), ordinary + spread(-740.0, 40.0) + spread(-4.0, 4.0)),
        "softplus": (lambda x: log1p(exp(x)), ordinary + spread(-740.0, 40.0) + spread(-4.0, 4.0)),
        "erf": (erf, ordinary + spread(-6.0, 6.0) + spread(-1.5, 1.5)),
        "erfc": (erfc, ordinary + spread(-6.0, 26.5) + spread(-1.5, 1.5)),
        "normal_cdf": (mills, ordinary + spread(-37.0, 9.0) + spread(-3.0, 3.0)),
        "normal_pdf": (npdf, ordinary + spread(-37.0, 37.0) + spread(-3.0, 3.0)),
        "tan": (tan, ordinary + spread(-1e6, 1e6) + spread(-7.0, 7.0) + powers(20.0, 1023.0)[:30] + [6381956970095103.0 * 2.0**797]),
        "atan": (atan, ordinary + spread(-2.0, 2.0) + powers(-60.0, 60.0)),
        "asin": (asin, [x for x in ordinary if abs(x) <= 1] + spread(-1.0, 1.0) + [1 - 2.0 ** (-50 * g) for g in golden]),
        "acos": (acos, [x for x in ordinary if abs(x) <= 1] + spread(-1.0, 1.0) + [1 - 2.0 ** (-50 * g) for g in golden]),
        "sinh": (sinh, ordinary + spread(-710.4, 710.4) + spread(-3.0, 3.0)),
        "cosh": (cosh, ordinary + spread(-710.4, 710.4) + spread(-3.0, 3.0)),
        "ln_gamma": (loggamma, [x for x in ordinary if x > 0] + spread(0.0, 4.0) + spread(3.0, 40.0) + powers(-1000.0, 1010.0)),
        "digamma": (digamma, [x for x in ordinary if x > 0] + spread(0.0, 4.0) + spread(3.0, 40.0) + powers(-1000.0, 1010.0)),
        "trigamma": (lambda x: polygamma(1, x), [x for x in ordinary if x > 0] + spread(0.0, 4.0) + spread(3.0, 40.0) + powers(-500.0, 1010.0)),
    }
    # Of two arguments.
    pairs = {
        "pow": (power, [(10.0 ** (300 * (2 * a - 1)), (2 * b - 1) / abs(2 * a - 1)) for a, b in zip(golden, golden[7:])]
                + [(0.5 + a, 1000 * (b - 0.5)) for a, b in zip(golden, golden[7:])] + [(1 + 1e-9 * a, 6e11 * (b - 0.5)) for a, b in zip(golden, golden[7:])]),
        "atan2": (atan2, [(4 * a - 2, 4 * b - 2) for a, b in zip(golden, golden[7:])] + [(2.0 ** (80 * a - 40), 2.0 ** (80 * b - 40)) for a, b in zip(golden, golden[7:])]),
        "hypot": (hypot, [(4 * a - 2, 4 * b - 2) for a, b in zip(golden, golden[7:])] + [(2.0 ** (a - 700), -(2.0 ** (3 * b - 701))) for a, b in zip(golden, golden[7:])]
                  + [(2.0 ** (a + 1020), 2.0 ** (3 * b + 1019)) for a, b in zip(golden, golden[7:])]),
    }
    print("# function, argument, value. mpmath 1.3.0 with 400 digits, printed by coefficients.py; arguments are exact doubles.")
    mp.dps = 400
    for name, (function, arguments) in table.items():
        for x in arguments:
            print(f"{name},{x!r},{mp.nstr(function(mpf(x)), 25)}")
    for name, (function, arguments) in pairs.items():
        for x, y in arguments:
            print(f"{name},{x!r},{y!r},{mp.nstr(function(mpf(x), mpf(y)), 25)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["reference"]:
        reference()
    elif sys.argv[1:] == ["reference-arcs"]:
        reference_arcs()
    else:
        exponential()
        logarithm()
        trigonometric()
        error_function()
        arcs()
        tangents()
        hyperbolic()
        powers()
        gamma_function()
