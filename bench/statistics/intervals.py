#!/usr/bin/env python3
"""Three kinds of 95 % interval for the ratio of two paths' load times, where the truth is known:
what docs/decisions/intervals.md rests on. Needs numpy.

  intervals.py [EXPERIMENTS]   a Markdown table on stdout; 2,000 experiments a cell by default
"""

import sys
from statistics import NormalDist

import numpy as np

TRUE_RATIO = 2.6
RESAMPLES = 1000
NORMAL = NormalDist()
RANDOM = np.random.default_rng(20261123)

LOAD_TIMES = {
    "lognormal, 2 %": lambda n: 10 * np.exp(RANDOM.normal(0, 0.02, n)),
    "lognormal, 20 %": lambda n: 10 * np.exp(RANDOM.normal(0, 0.2, n)),
    "exponential tail": lambda n: 10 + RANDOM.exponential(1, n),
    "two clusters": lambda n: np.where(RANDOM.random(n) < 0.2, 13, 10)
    * np.exp(RANDOM.normal(0, 0.01, n)),
    "heavy tails (t, 2)": lambda n: 10 * np.exp(0.03 * RANDOM.standard_t(2, n)),
}


def bounding_pair(n):
    """Which of the n * n pairs, from either end, bounds the interval: from the exact distribution
    of the Mann-Whitney statistic."""
    ways = np.zeros((n + 1, 2 * n * n + 1))
    ways[0, 0] = 1
    for rank in range(1, 2 * n + 1):
        for chosen in range(n, 0, -1):
            ways[chosen, rank:] += ways[chosen - 1, : ways.shape[1] - rank]
    below = np.cumsum(ways[n][n * (n + 1) // 2:]) / ways[n].sum()
    return max(1, int(np.argmax(below > 0.025)))


def rank_interval(first, second, place):
    pairs = np.sort((second[:, None] / first[None, :]).ravel())
    return pairs[place - 1], pairs[-place]


def resampled_ratios(first, second):
    draws = [values[RANDOM.integers(0, len(values), (RESAMPLES, len(values)))]
             for values in (first, second)]
    return np.median(draws[1], axis=1) / np.median(draws[0], axis=1)


def percentile_interval(ratios, shares=(0.025, 0.975)):
    return np.quantile(ratios, shares, method="nearest")


def bca_interval(first, second, ratios):
    """Efron 1987."""
    ratio = np.median(second) / np.median(first)
    share = np.mean(ratios < ratio) + np.mean(ratios == ratio) / 2
    bias = NORMAL.inv_cdf(min(max(share, 1 / RESAMPLES), 1 - 1 / RESAMPLES))
    left_out = np.array(
        [np.median(second) / np.median(np.delete(first, i)) for i in range(len(first))]
        + [np.median(np.delete(second, i)) / np.median(first) for i in range(len(second))])
    pull = left_out.mean() - left_out
    scale = 6 * np.sum(pull**2) ** 1.5
    acceleration = np.sum(pull**3) / scale if scale > 0 else 0.0
    shares = []
    for z in (NORMAL.inv_cdf(0.025), NORMAL.inv_cdf(0.975)):
        shares.append(NORMAL.cdf(bias + (bias + z) / (1 - acceleration * (bias + z))))
    return percentile_interval(ratios, shares)


def cell(draw, n, experiments):
    """Coverage and mean width of the log ratio, of each kind."""
    place = bounding_pair(n)
    inside, width = np.zeros(3), np.zeros(3)
    for _ in range(experiments):
        first, second = draw(n), TRUE_RATIO * draw(n)
        ratios = resampled_ratios(first, second)
        kinds = (rank_interval(first, second, place), percentile_interval(ratios),
                 bca_interval(first, second, ratios))
        for kind, (low, high) in enumerate(kinds):
            inside[kind] += low <= TRUE_RATIO <= high
            width[kind] += np.log(high / low)
    return inside / experiments, width / experiments


def main():
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| load times | runs | rank: holds it | width | percentile: holds it | width "
          "| BCa: holds it | width |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, draw in LOAD_TIMES.items():
        for n in (5, 8, 10, 20):
            inside, width = cell(draw, n, experiments)
            figures = " | ".join(f"{i:.3f} | {w:.3f}" for i, w in zip(inside, width))
            print(f"| {name} | {n} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
