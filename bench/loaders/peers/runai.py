"""Run:ai model streamer, all shards in one request, tensors moved to the device as they arrive.

RUNAI_STREAMER_CONCURRENCY and RUNAI_STREAMER_FS_STRATEGY are read from the environment.
"""

import contextlib

from runai_model_streamer import SafetensorsStreamer


def load(paths, device):
    stack = contextlib.ExitStack()
    streamer = stack.enter_context(SafetensorsStreamer())
    streamer.stream_files(list(paths), device=device)
    return dict(streamer.get_tensors()), stack.close
