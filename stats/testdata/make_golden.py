"""Writes golden.json: what rliable 1.2 (Agarwal et al. 2021), scipy, statsmodels and NumPy
give for the statistics of this package.
Run: pip install 'rliable==1.2.0' 'pandas<3' statsmodels && python make_golden.py > golden.json

The bootstrap draws seeds with replacement, task by task, both arms together: rliable's
StratifiedBootstrap resamples all arrays that it is given by the same indices.
"""
import json
import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
from rliable import library, metrics
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20251209)


def interval(statistic, reps, *scores):
    np.random.seed(7)  # the generator that rliable draws from
    ci = library.StratifiedBootstrap(*scores).conf_int(lambda *s: np.array([statistic(*s)]), reps=reps, method="percentile")
    return [float(v) for v in ci[:, 0]]


def improvement(name, x, y):
    x, y = (np.round(np.array(v, float), 6) for v in (x, y))  # [runs, tasks]
    x, y = (v[:, None] if v.ndim == 1 else v for v in (x, y))
    d = x - y
    return {
        "name": name, "x": x.T.tolist(), "y": y.T.tolist(),  # [tasks][runs]
        "iqm": float(metrics.aggregate_iqm(x)), "other_iqm": float(metrics.aggregate_iqm(y)),
        "difference": float(metrics.aggregate_iqm(d)), "difference_ci95": interval(metrics.aggregate_iqm, 50_000, d),
        "probability": float(metrics.probability_of_improvement(x, y)),
        "probability_ci95": interval(metrics.probability_of_improvement, 5_000, x, y),
    }


improvements = []
for n in (3, 4, 5, 8, 10, 20):
    level = rng.uniform(0.2, 0.6, n)  # what a seed has in common for both arms
    improvements.append(improvement(f"{n} seeds", level + 0.08 + 0.06 * rng.standard_normal(n), level + 0.06 * rng.standard_normal(n)))
improvements.append(improvement("with ties", [0.5, 0.25, 0.5, 0.75, 0.25, 0.5], [0.5, 0.5, 0.25, 0.25, 0.25, 0.5]))
improvements.append(improvement("one collapsed seed", [0.71, 0.69, 0.02, 0.72, 0.70, 0.68, 0.73, 0.69], [0.60, 0.62, 0.61, 0.59, 0.63, 0.60, 0.58, 0.61]))
improvements.append(improvement("equal", [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5]))
for runs, tasks in ((3, 5), (5, 3), (10, 2)):
    level = rng.uniform(0.2, 0.6, (1, tasks)) + 0.05 * rng.standard_normal((runs, tasks))
    improvements.append(improvement(f"{runs} seeds of {tasks} tasks", level + 0.05 + 0.05 * rng.standard_normal((runs, tasks)), level))


def profile(runs, tasks):
    scores = np.round(rng.uniform(0, 1, (runs, tasks)), 2)
    thresholds = np.linspace(0, 1, 21)
    np.random.seed(7)
    shares, bands = library.create_performance_profile({"arm": scores}, thresholds, reps=50_000)
    return {"scores": scores.T.tolist(), "thresholds": thresholds.tolist(), "shares": shares["arm"].tolist(), "bands": bands["arm"].T.tolist()}


profiles = [profile(*shape) for shape in ((5, 1), (10, 1), (3, 5), (7, 3))]


def paired(d):
    d = np.round(np.array(d, float), 6)
    n = len(d)
    lo, hi = scipy.stats.t.interval(0.95, n - 1, loc=d.mean(), scale=scipy.stats.sem(d))
    j = scipy.special.gamma((n - 1) / 2) / (np.sqrt((n - 1) / 2) * scipy.special.gamma((n - 2) / 2))
    return {"d": d.tolist(), "ci95": [float(lo), float(hi)], "p": float(scipy.stats.ttest_1samp(d, 0).pvalue),
            "g": float(j * d.mean() / d.std(ddof=1)), "quantiles": np.quantile(d, [0, 0.025, 0.5, 0.8, 1]).tolist()}


pairs = [paired(0.05 + 0.05 * rng.standard_normal(n)) for n in (3, 4, 5, 10, 30)]
families = [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in (
    [0.03], [0.01, 0.04, 0.03, 0.005], [0.02, 0.02, 0.02], [0.9, 0.001, 0.6, 0.012, 0.012, 0.4],
    np.round(rng.uniform(0, 0.1, 12), 6).tolist())]

x = np.sort(rng.integers(0, 10_000, 15)).astype(float)
y = np.round(rng.uniform(0, 1, 15), 6)
area = {"episodes": x.tolist(), "values": y.tolist(), "area": float(scipy.integrate.trapezoid(y, x) / (x[-1] - x[0]))}

passes = [{"n": n, "c": c, "k": k, "value": float(1 - scipy.stats.hypergeom.pmf(0, n, c, k))}  # no right one among k drawn of n
          for n, c, k in ((1, 0, 1), (1, 1, 1), (5, 2, 1), (5, 2, 3), (5, 2, 4), (10, 0, 7), (64, 3, 16), (200, 13, 100), (200, 1, 100))]

print(json.dumps({"improvements": improvements, "profiles": profiles, "pairs": pairs, "families": families,
                  "area": area, "passes": passes}, separators=(",", ":")).replace('{"', '\n{"').strip())
