"""A real browser for tests: a headless Chromium, driven over the DevTools protocol."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
import unittest

from harness import processes_with

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--remote-debugging-pipe", "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-dev-shm-usage", "--disable-background-networking", "--disable-breakpad",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         "--host-resolver-rules=MAP * ~NOTFOUND", "about:blank")


def find_chromium():
    """A program that knows its version: Ubuntu's chromium-browser may only say to get a snap."""
    for program in filter(None, map(shutil.which, PROGRAMS)):
        try:
            if subprocess.run([program, "--version"], capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=30, check=False).returncode == 0:
                return program
        except (OSError, subprocess.TimeoutExpired):
            continue
    raise unittest.SkipTest(f"needs one of {', '.join(PROGRAMS)}")


class Browser:
    """A headless Chromium and one tab of it. It hears DevTools messages, each ended by a zero byte,
    on its descriptor 3 and answers on 4. All that it writes lies below `home`."""

    def __init__(self, program, home):
        self.events, self._received, self._last_id, self._tab = [], b"", 0, {}
        pipes = [*os.pipe(), *os.pipe()]
        # Theirs lie above 4 before they become 3 and 4, so that neither overwrites the other.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (pipes[0], pipes[3])]
        self._commands, self._answers = pipes[1], pipes[2]
        self._home = str(home)
        self._log = open(home / "log", "w+", encoding="utf-8", errors="replace")
        env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        try:
            self._process = subprocess.Popen(
                [program, f"--user-data-dir={home}/profile", *FLAGS], close_fds=False,
                # A socket's path must be short, and a build's folder may not be.
                cwd=home, env={**env, "HOME": self._home, "TMPDIR": "."}, start_new_session=True,
                preexec_fn=lambda: (os.dup2(theirs[0], 3), os.dup2(theirs[1], 4)),
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        finally:
            for end in (pipes[0], pipes[3], *theirs):
                os.close(end)

    def close(self):
        """Ends the browser with all its processes: it leaves when nobody speaks to it any more."""
        os.close(self._commands)
        os.close(self._answers)
        self._log.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=30)
        end = time.monotonic() + 30
        while left := processes_with(f"HOME={self._home}\0"):
            if time.monotonic() > end:
                raise AssertionError(f"the browser left processes behind: {left}")
            time.sleep(0.02)

    def log(self):
        self._log.seek(0)
        return " / ".join(self._log.read().splitlines()[-3:])

    def _receive(self, end):
        while b"\0" not in self._received:
            if not select.select([self._answers], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._answers, 1 << 16)
            if not part:
                raise EOFError("the browser has ended")
            self._received += part
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def call(self, method, **params):
        """What the browser answers to `method`; what it reports meanwhile goes to self.events."""
        end = time.monotonic() + 60
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params, **self._tab}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(end)
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method, **params):
        """Until the browser has reported `method` with at least these parameters."""
        end = time.monotonic() + 30
        while not any(event["method"] == method and params.items() <= event["params"].items()
                      for event in self.events):
            self.events.append(self._receive(end))

    def new_tab(self):
        """In the place of the last one, with nothing emulated."""
        self._tab = {}
        last = [target["targetId"] for target in self.call("Target.getTargets")["targetInfos"]
                if target["type"] == "page"]
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        for other in last:
            self.call("Target.closeTarget", targetId=other)
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tab = {"sessionId": session}
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def open(self, page):
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        """The value of a JavaScript expression, awaited if it is a promise."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def press(self, key, code, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")
