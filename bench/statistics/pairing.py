#!/usr/bin/env python3
"""Should the 95 % interval of a ratio use that runs come in blocks? Coverage and width with and
without, where the truth is known: what docs/decisions/intervals.md rests on. Needs numpy.

  pairing.py [EXPERIMENTS]   two Markdown tables on stdout; 20,000 experiments a cell by default

All is in logarithms. The true ratio is 1: any other moves every value of one path, every interval
and the truth by the same amount, so one stands for all.
"""

import json
import sys
from pathlib import Path

import numpy as np

REAL = Path(__file__).parent / "results" / "real-aa.jsonl"
RANDOM = np.random.default_rng(20261124)
SHUFFLES = 20000
BURST = 0.3


def noise(when, scale=0.02):
    return RANDOM.normal(0, scale, when.shape)


def of_block(when, scale):
    """What the two runs of a block have in common."""
    return RANDOM.normal(0, scale, (len(when), 1, when.shape[2]))


def steady_and_waiting(when):
    """The second path waits, as a network does; the medians are the same."""
    log_times = noise(when)
    waits = np.log(10 + RANDOM.exponential(1, log_times[:, 1].shape)) - np.log(10 + np.log(2))
    log_times[:, 1] = waits
    return log_times


# when: experiment x path x block, the share of the experiment that is over when a run is made.
WORLDS = {
    "no drift, 2 %": noise,
    "no drift, 10 %": lambda when: noise(when, 0.1),
    "drift of 10 %": lambda when: noise(when) + np.log(1 + 0.1 * when),
    "drift of 30 %": lambda when: noise(when) + np.log(1 + 0.3 * when),
    "blocks differ, 2 %": lambda when: noise(when) + of_block(when, 0.02),
    "blocks differ, 5 %": lambda when: noise(when) + of_block(when, 0.05),
    "blocks differ, 20 %": lambda when: noise(when) + of_block(when, 0.2),
    # As in the real experiments: where one run is slower, the other is faster; correlation -0.39.
    "runs of a block oppose": lambda when: noise(when) + of_block(when, 0.016) * [[1], [-1]],
    "burst credits": lambda when: noise(when) - np.log(1.5) * (when < BURST),
    "one path drifts, 20 %": lambda when: noise(when) + np.log(1 + 0.2 * when) * [[0], [1]],
    "heavy tails (t, 2)": lambda when: 0.03 * RANDOM.standard_t(2, when.shape),
    "one path waits": steady_and_waiting,
}
# The ratio of the medians over the whole experiment: half way, the drift is 10 %.
TRUTH = {"one path drifts, 20 %": np.log(1.1)}


def bounding_place(ways):
    """Which value, from either end, bounds the interval; 0: not even the outermost does."""
    return int(np.argmax(np.cumsum(ways) / ways.sum() > 0.025))


def place_of_pairs(n):
    """From the exact distribution of the Mann-Whitney statistic."""
    ways = np.zeros((n + 1, 2 * n * n + 1))
    ways[0, 0] = 1
    for rank in range(1, 2 * n + 1):
        for chosen in range(n, 0, -1):
            ways[chosen, rank:] += ways[chosen - 1, : ways.shape[1] - rank]
    return bounding_place(ways[n][n * (n + 1) // 2:])


def place_of_averages(n):
    """From the exact distribution of the signed-rank statistic."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    return bounding_place(ways)


def bounds(values, place):
    ordered = np.sort(values, axis=1)
    return np.stack([ordered[:, place - 1], ordered[:, -place]], axis=1)


def all_pairs(log_times):
    first, second = log_times[:, 0], log_times[:, 1]
    pairs = (second[:, :, None] - first[:, None, :]).reshape(len(log_times), -1)
    return bounds(pairs, place_of_pairs(log_times.shape[2]))


def by_block(log_times):
    """None where there are too few blocks for 95 %."""
    n = log_times.shape[2]
    if place_of_averages(n) == 0:
        return None
    differences = log_times[:, 1] - log_times[:, 0]
    i, j = np.triu_indices(n)
    return bounds((differences[:, i] + differences[:, j]) / 2, place_of_averages(n))


def ranks(values):
    return np.argsort(np.argsort(values, axis=1), axis=1) - (values.shape[1] - 1) / 2


def trend_seen(log_times, when):
    """Spearman's correlation of all runs, less the median of their path, with the run order: is it
    outside what 95 % of shuffled orders give?"""
    def strength(a, b):
        return np.abs((ranks(a) * ranks(b)).sum(axis=1))

    flat = (len(log_times), -1)
    residuals = (log_times - np.median(log_times, axis=2, keepdims=True)).reshape(flat)
    shuffled = RANDOM.random((SHUFFLES, residuals.shape[1]))
    limit = np.quantile(strength(shuffled, np.arange(residuals.shape[1])[None, :]), 0.95)
    return strength(residuals, when.reshape(flat)) > limit


def holds(interval, value):
    return (interval[:, 0] <= value) & (value <= interval[:, 1])


def run_order(n, experiments):
    second_is_first = RANDOM.integers(0, 2, (experiments, 1, n))
    place = np.concatenate([second_is_first, 1 - second_is_first], axis=1) + 2 * np.arange(n)
    return (place + 0.5) / (2 * n)


def cell(world, n, experiments):
    """Coverage and mean width of each kind, and how often the ratio of the medians is outside the
    interval by block."""
    when = run_order(n, experiments)
    log_times = WORLDS[world](when)
    pairs, blocks = all_pairs(log_times), by_block(log_times)
    kinds = [pairs]
    if blocks is not None:
        trend = trend_seen(log_times, when)
        narrower = np.ptp(blocks, axis=1) < np.ptp(pairs, axis=1)
        kinds += [blocks] + [np.where(pick[:, None], blocks, pairs) for pick in (trend, narrower)]

    figures = [f"{holds(kind, TRUTH.get(world, 0)).mean():.3f} | {np.ptp(kind, axis=1).mean():.3f}"
               for kind in kinds]
    if blocks is None:
        return figures + ["– | –"] * 3 + ["–"]
    medians = np.median(log_times, axis=2)
    return figures + [f"{1 - holds(blocks, medians[:, 1] - medians[:, 0]).mean():.3f}"]


def real_loads():
    """The real A/A experiments of 5 blocks each, as they are and with neighbours joined."""
    records = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    log_times = np.log([[record["a"], record["b"]] for record in records])
    for joined in (1, 2, 4):
        longer = np.concatenate([log_times[start::joined] for start in range(joined)], axis=2)
        residuals = longer - longer.mean(axis=2, keepdims=True)
        shared = np.corrcoef(residuals[:, 0].ravel(), residuals[:, 1].ravel())[0, 1]
        figures = ["– | –" if kind is None else
                   f"{holds(kind, 0).sum()} of {len(kind)} | {np.ptp(kind, axis=1).mean():.3f}"
                   for kind in (all_pairs(longer), by_block(longer))]
        yield f"| {longer.shape[2]} | {shared:.2f} | {' | '.join(figures)} |"


def main():
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    print("| world | blocks | all pairs: holds it | width | by block: holds it | width "
          "| by block if a trend is seen: holds it | width | the narrower: holds it | width "
          "| ratio of medians outside by block |\n|---|" + "--:|" * 10)
    for world in WORLDS:
        for n in (5, 6, 8, 10, 20):
            print(f"| {world} | {n} | {' | '.join(cell(world, n, experiments))} |", flush=True)
    print("\n| real A/A: blocks | correlation within blocks | all pairs: holds 1 | width "
          "| by block: holds 1 | width |\n|--:|--:|--:|--:|--:|--:|", *real_loads(), sep="\n")


if __name__ == "__main__":
    main()
