"""Writes golden.json: interquartile means, probabilities of improvement and their
bootstrap intervals as rliable 1.2 (Agarwal et al. 2021) gives them for one task.
Run: pip install 'rliable==1.2.0' 'pandas<3' && python make_golden.py > golden.json

The bootstrap draws seeds with replacement, both arms together: rliable's
StratifiedBootstrap resamples all arrays that it is given by the same indices.
"""
import json
import numpy as np
from rliable import library, metrics

rng = np.random.default_rng(20251209)


def interval(statistic, reps, *scores):
    np.random.seed(7)  # the generator that rliable draws from
    ci = library.StratifiedBootstrap(*scores).conf_int(lambda *s: np.array([statistic(*s)]), reps=reps, method="percentile")
    return [float(v) for v in ci[:, 0]]


def case(name, x, y):
    x, y = (np.round(np.array(v, float), 6)[:, None] for v in (x, y))  # [runs, tasks]
    d = x - y
    return {
        "name": name, "x": x[:, 0].tolist(), "y": y[:, 0].tolist(),
        "iqm": float(metrics.aggregate_iqm(x)), "other_iqm": float(metrics.aggregate_iqm(y)),
        "difference": float(metrics.aggregate_iqm(d)), "difference_ci95": interval(metrics.aggregate_iqm, 50_000, d),
        "probability": float(metrics.probability_of_improvement(x, y)),
        "probability_ci95": interval(metrics.probability_of_improvement, 5_000, x, y),
    }


cases = []
for n in (3, 4, 5, 8, 10, 20):
    level = rng.uniform(0.2, 0.6, n)  # what a seed has in common for both arms
    cases.append(case(f"{n} seeds", level + 0.08 + 0.06 * rng.standard_normal(n), level + 0.06 * rng.standard_normal(n)))
cases.append(case("with ties", [0.5, 0.25, 0.5, 0.75, 0.25, 0.5], [0.5, 0.5, 0.25, 0.25, 0.25, 0.5]))
cases.append(case("one collapsed seed", [0.71, 0.69, 0.02, 0.72, 0.70, 0.68, 0.73, 0.69], [0.60, 0.62, 0.61, 0.59, 0.63, 0.60, 0.58, 0.61]))
cases.append(case("equal", [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5]))
print(json.dumps(cases, indent=1))
