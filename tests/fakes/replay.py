#!/usr/bin/env python3
"""A server that talks: prints a log on a schedule, beside a real child that does what a server does.

    replay.py SCRIPT [--flood BYTES] [--then EXIT_CODE] -- COMMAND...

SCRIPT: JSON, a list of [SECONDS, TEXT]; TEXT is written as it is (line ends, carriage returns and
halves of lines are the script's own). --flood writes that many bytes of other lines as fast as they
are taken, before the schedule. --then ends the whole with that exit code after the last text.
It ends with its child, and passes SIGTERM on to it.
"""

import json
import os
import signal
import subprocess
import sys
import time


def main():
    started = time.monotonic()
    words = sys.argv[1:]
    dashes = words.index("--")
    own, command = words[:dashes], words[dashes + 1:]
    script = json.load(open(own[0], encoding="utf-8"))
    flags = dict(zip(own[1::2], own[2::2]))
    child = subprocess.Popen(command) if command else None
    signal.signal(signal.SIGTERM, lambda *_: child.terminate() if child else sys.exit(0))
    flood(int(flags.get("--flood", 0)))
    for at_s, text in script:
        time.sleep(max(0.0, started + at_s - time.monotonic()))
        os.write(1, text.encode("utf-8", "surrogateescape"))
    if "--then" in flags:
        if child:
            child.terminate()
        sys.exit(int(flags["--then"]))
    sys.exit(child.wait() if child else 0)


def flood(size):
    line = b"(EngineCore pid=9) INFO 11-22 13:32:48 [flash_attn.py:670] Using FlashAttention 3\n"
    block = line * 1000
    while size > 0:
        size -= os.write(1, block[:size])


main()
