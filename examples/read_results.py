"""What a notebook asks of a results folder: read_results.py results/storage_layout_bench.csv"""

import sys

import pandas as pd

rows = pd.read_csv(sys.argv[1])
# The notes are key=value pairs: a column for each key.
notes = rows.pop("notes").map(lambda text: dict(pair.split("=", 1) for pair in text.split("; ")))
rows = rows.join(pd.DataFrame(list(notes)))

# Seconds from launch to ready. A run without load_s was not what it claims to be, and counts for nothing.
arms = rows.groupby(["target", "storage_mode"])  # a server, or coldload's own loader
print(arms["load_s"].describe()[["count", "50%", "min", "max"]].round(2))
print(arms["cold"].value_counts())
