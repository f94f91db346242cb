"""Fits the polynomials of the vector functions (minimax by Lawson's iteration, relative error).

Prints the coefficients, lowest power first, and the largest relative error of each fit in exact
arithmetic. functions.go holds the printed numbers. Needs numpy and scipy.
"""
import numpy as np
from scipy import special


def fit(name, x, target, basis, scale):
    """Coefficients c that minimise max |target - basis @ c| / scale on the points x."""
    a = np.stack(basis, 1) / scale[:, None]
    b = target / scale
    w = np.ones_like(x)
    best, error = None, np.inf
    for _ in range(3000):
        c = np.linalg.lstsq(a * np.sqrt(w)[:, None], b * np.sqrt(w), rcond=None)[0]
        r = np.abs(a @ c - b)
        if r.max() < error:
            best, error = c, r.max()
        w = w * (r + 1e-30)
        w /= w.sum()
    print(name, [float(f"{v:.9g}") for v in best], f"error {error:.2e}")


def chebyshev(lo, hi, n=600):
    return (lo + hi) / 2 + (hi - lo) / 2 * np.cos(np.pi * (np.arange(n) + 0.5) / n)


# exp(r) = 1 + r + r^2 q(r), |r| <= log(2)/2
r = chebyshev(-0.3467, 0.3467)
fit("exp", r, np.expm1(r) - r, [r ** (i + 2) for i in range(5)], np.exp(r))

# tanh(x) = x + x^3 q(x^2), |x| <= 0.625
x = chebyshev(1e-3, 0.625)
fit("tanh", x, np.tanh(x) - x, [x ** (2 * i + 3) for i in range(5)], np.tanh(x))

# normal tail: Phi(-t) = exp(-t^2/2) * s * q(s), s = 1/(1+0.3t), 0 <= t <= 12. The error may grow with
# t, as the exponential falls: at most 100-fold.
s = chebyshev(1 / (1 + 0.3 * 12), 1.0)
t = (1 / s - 1) / 0.3
mills = 0.5 * special.erfcx(t / np.sqrt(2))
fit("tail", s, mills, [s ** (i + 1) for i in range(9)], mills * np.minimum(np.exp(t * t / 6), 100))
