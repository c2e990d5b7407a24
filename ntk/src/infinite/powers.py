"""Prints `powers.csv`: duals of powers and of the exponential near correlations of 1 and -1, with 50 digits."""
from mpmath import acos, cos, diff, exp, factorial, mp, mpf, nstr, pi, sin, sqrt, hyp2f1

mp.dps = 50


def monomial(p, s, k):
    total = mpf(0)
    for j in range(p % 2, p + 1, 2):
        half = (p - j) // 2
        total += (factorial(p) / (factorial(half) * mpf(2) ** half)) ** 2 / factorial(j) * s ** (p - j) * k**j
    return total


def step(p, c):
    """J_p of Cho and Saul by nested integrals of J_0: dE_p/dc = p^2 E_(p-1), E_p(-1) = 0, E_0 = (pi - acos c)/(2 pi)."""
    if p == 0:
        return (pi - acos(c)) / (2 * pi)
    # A Gauss rule after c = -cos a, so that the integrand is smooth in a.
    a = acos(-c)
    # Scaled, as the rule's error is absolute.
    size = a ** (2 * p)
    return p * p * size * mp.quad(lambda t: step_at(p - 1, t) * sin(t) / size, [0, a])


def step_at(p, a):
    h = (1 - cos(a)) / 2
    scale = 1 / pi
    for q in range(1, p + 1):
        scale *= 2 * mpf(q) ** 2 / (q + mpf(1) / 2)
    return scale * h ** (p + mpf(1) / 2) * hyp2f1(mpf(1) / 2, mpf(1) / 2, p + mpf(3) / 2, h)


print("# degree, qa, qb, gap/s, side, E and gap of max(x, 0)^p, gap of x^p, gap of e^x. mpmath, 50 digits, by powers.py.")
for p in (2, 3, 5):
    for qa, qb in ((1.0, 1.0), (0.5, 2.0), (1.0, 1.0 + 2.0**-30)):
        for lack in (2.0**-60, 2.0**-40, 2.0**-20, 2.0**-7, 0.25):
            for side in (1.0, -1.0):
                # sqrt(qa qb) as rounded, as the program has it.
                s = mpf((qa * qb) ** 0.5)
                k = mpf(side) * s * (1 - mpf(lack))
                value = s**p * step(p, k / s)
                bound = s**p * monomial(p, mpf(1), mpf(1)) / 2
                gap = 2 * bound - abs(monomial(p, s, k))
                sum_ = mpf(qa) + mpf(qb)
                # (ra - rb)^2 from exact variances, the gap as given.
                apart = (mpf(qa) - mpf(qb)) ** 2 / (sum_ + 2 * s)
                exponent = apart / 2 + (s - k)
                numbers = [value, bound - value, gap, exp(sum_) * (1 - exp(-exponent))]
                print(",".join([repr(float(x)) for x in (p, qa, qb, lack, side)] + [nstr(x, 25) for x in numbers]))
