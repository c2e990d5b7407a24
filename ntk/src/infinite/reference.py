"""Prints `reference.csv`: kernels of rectifier networks on nearly parallel and nearly opposite inputs, with 60 digits.

Inputs are pairs of doubles (x0, x1), taken exactly. Columns: alpha of the leaky relu, b_std, depth, x, x', K, Theta.
"""
from mpmath import acos, mp, mpf, pi, sin, sqrt

mp.dps = 60


def dual(alpha, qa, qb, k):
    s = sqrt(qa * qb)
    if s == 0:
        return mpf(0), (1 + alpha**2) / 2
    a = acos(max(min(k / s, mpf(1)), mpf(-1)))
    # x = odd part + even part: E |u v| = (2/pi) s (sin a + (pi/2 - a) cos a), E sign sign = 1 - 2a/pi.
    odd, even = ((1 + alpha) / 2) ** 2, ((1 - alpha) / 2) ** 2
    return (odd * k + even * (2 / pi) * s * (sin(a) + (pi / 2 - a) * k / s), odd + even * (1 - 2 * a / pi))


def kernel(alpha, b, depth, x, y):
    w2, b2 = mpf(2), b * b
    dot = lambda u, v: sum(mpf(p) * mpf(q) for p, q in zip(u, v)) / len(u)
    qa, qb, k = (w2 * dot(u, v) + b2 for u, v in ((x, x), (y, y), (x, y)))
    theta = k
    for _ in range(depth):
        (t, slope), (ta, _), (tb, _) = dual(alpha, qa, qb, k), dual(alpha, qa, qa, qa), dual(alpha, qb, qb, qb)
        qa, qb, k = w2 * ta + b2, w2 * tb + b2, w2 * t + b2
        theta = k + w2 * slope * theta
    return k, theta


print("# alpha, b_std, depth, x0, x1, y0, y1, K, Theta. mpmath 1.3.0, 60 digits, printed by reference.py.")
for alpha in (0.0, 0.25, -1.0):
    for b in (0.0, 0.5):
        for depth in (1, 3, 12):
            for distance in (1e-14, 3e-9, 1e-5, 0.01, 0.3):
                for side in (1.0, -1.0):
                    x = (0.8, -0.6)
                    y = (side * (0.8 + 0.5 * distance), side * (-0.6 + 0.7 * distance))
                    k, theta = kernel(mpf(alpha), mpf(b), depth, x, y)
                    numbers = [alpha, b, depth, *x, *y]
                    print(",".join([repr(n) for n in numbers] + [mp.nstr(k, 25), mp.nstr(theta, 25)]))
