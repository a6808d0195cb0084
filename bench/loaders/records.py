"""What `run` wrote, read back: figures by state and loader, and the ceilings."""

import json
import statistics
from pathlib import Path

STATES = ("hot", "tmpfs", "half", "cold")


def read(paths):
    records = []
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.strip():
                records.append(json.loads(line))
    return records


def is_ours(loader):
    return loader == "coldload" or loader.startswith("coldload-")


def figures(records):
    """{state: {loader: [record, ...]}} of what counts."""
    by_state = {}
    for record in records:
        if record["what"] == "figure" and record.get("valid"):
            by_state.setdefault(record["state"], {}).setdefault(record["loader"], []).append(record)
    return {state: by_state[state] for state in STATES if state in by_state}


def ceiling(records, state):
    """(name, rates) of the ceiling of a state: the disk's for cold, the copies' where the bytes
    are in memory. None for half: it has two."""
    name = {"cold": "storage", "hot": "pinned", "tmpfs": "pinned"}.get(state)
    rates = [record["bytes_per_s"] for record in records if record["what"] == "ceiling"
             and record["ceiling"] == name and "bytes_per_s" in record]
    return (name, rates) if rates else None


def rate(group):
    return statistics.median(record["bytes_per_s"] for record in group)


def best_peer(loaders):
    peers = [loader for loader in loaders if not is_ours(loader)]
    return max(peers, key=lambda loader: rate(loaders[loader]), default=None)
