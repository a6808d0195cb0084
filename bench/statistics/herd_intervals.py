#!/usr/bin/env python3
"""How often do the 95 % intervals of a herd's model hold the truth, where it is known? What
docs/decisions/intervals.md rests on. The model and its fit are those of src/findings/herd.cc.

  herd_intervals.py   a Markdown table on stdout; 2,000 experiments a cell
"""

import math
import random
import statistics

EXPERIMENTS = 2000
SIZES = (1, 2, 4)
NODE, TOTAL = 1.0, 2.0  # GB/s; each node reads 2 GB


def bounds(values):
    """All medians that a sign test does not reject at 5 %."""
    n, below, k = len(values), 0.0, 0
    while True:
        below += math.comb(n, k) / 2 ** n
        if below > 0.025:
            break
        k += 1
    ordered = sorted(values)
    return (ordered[k - 1], ordered[n - k]) if k else None


def reading_s(nodes, node, total):
    return max(2 / node, nodes * 2 / total)


def experiment(draw, base, runs):
    singles = [(base * draw("base"), 2 / NODE * draw("read")) for _ in range(runs)]
    herds = {1: [sum(one) for one in singles]}
    for size in SIZES[1:]:
        herds[size] = [base * draw("base") + reading_s(size, NODE, TOTAL) * draw("read") for _ in range(runs)]
    weights = statistics.median(one[1] for one in singles)
    rest = max(statistics.median(herds[1]) - weights, 0)
    best = None
    for first in range(len(SIZES)):
        slow = [(2 * size, value) for size in SIZES[first:] for value in herds[size]]
        products = sum(x * (y - rest) for x, y in slow)
        if products <= 0:
            continue
        total = sum(x * x for x, _ in slow) / products
        misfit = sum((value - rest - reading_s(size, 2 / weights, total)) ** 2 for size in SIZES for value in herds[size])
        if best is None or misfit < best[0]:
            best = (misfit, first, total)
    if best is None:
        return {}
    _, first, total = best
    node = bounds([2 / one[1] for one in singles])
    rests = bounds([one[0] for one in singles])
    pairs = [(2 * size, value) for size in SIZES[first:] for value in herds[size]]
    found = {"one node": (node, NODE), "the rest": (rests, base)}
    longest = bounds([(y - rests[0]) / x for x, y in pairs])[1]  # seconds a GB
    shortest = bounds([(y - rests[1]) / x for x, y in pairs])[0]
    if shortest > 0:
        in_all = (min(1 / longest, total), max(1 / shortest, total))
        found["in all"] = (in_all, TOTAL)
        found["knee"] = ((in_all[0] / node[1], in_all[1] / node[0]), TOTAL / NODE)
    return found


def main():
    scatters = {"reading 2 %, the rest 2 %": (0.02, 0.02), "reading 2 %, the rest 20 %": (0.02, 0.2),
                "reading 10 %, the rest 2 %": (0.1, 0.02)}
    print("| scatter | the rest | herds of a size | one node | the rest | in all | knee |\n|---|--:|--:|--:|--:|--:|--:|")
    for name, (read, rest) in scatters.items():
        for base in (0.1, 10):
            for runs in (6, 10):
                source = random.Random(f"{name}{base}{runs}")
                held = {"one node": [], "the rest": [], "in all": [], "knee": []}
                for _ in range(EXPERIMENTS):
                    found = experiment(lambda of: math.exp(source.gauss(0, read if of == "read" else rest)), base, runs)
                    for key, ((low, high), truth) in found.items():
                        held[key].append(low <= truth <= high)
                shares = " | ".join(f"{sum(one) / len(one):.3f}" for one in held.values())
                print(f"| {name} | {base:g} s | {runs} | {shares} |")


if __name__ == "__main__":
    main()
