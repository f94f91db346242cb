"""Writes share.json: what scipy gives for shares, ratios of means and skewness.
Run: pip install scipy && python make_share.py > share.json
"""
import json
import numpy as np
import scipy.stats

rng = np.random.default_rng(20251210)

wilson = [{"k": k, "n": n, "ci95": list(scipy.stats.binomtest(k, n).proportion_ci(method="wilson"))} for k, n in ((0, 1), (0, 20), (3, 10), (7, 7), (45, 300), (299, 300))]
skews = [{"values": v, "skew": float(scipy.stats.skew(v))} for v in ([1, 2, 3, 10], [5, 5, 5, 6], np.round(rng.exponential(size=30), 6).tolist())]


def ratio(n):
    y = np.round(rng.uniform(0.5, 1, n), 6)
    x = np.round(y * rng.uniform(0, 0.6, n), 6)
    ci = scipy.stats.bootstrap((x, y), lambda a, b: np.mean(a) / np.mean(b), paired=True, vectorized=False, n_resamples=50_000, method="percentile", rng=1).confidence_interval
    return {"x": x.tolist(), "y": y.tolist(), "ratio": float(x.mean() / y.mean()), "ci95": [float(ci.low), float(ci.high)]}


print(json.dumps({"wilson": wilson, "skews": skews, "ratios": [ratio(n) for n in (5, 20, 100)]}, separators=(",", ":")).replace('{"', '\n{"').strip())
