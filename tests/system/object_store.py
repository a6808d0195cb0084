"""A real S3 interface on loopback: moto, as script/bootstrap installs it, and its clients' words.

Whoever asks is let in. Its port is chosen before it listens, so that what uses it goes apart from the
machine (far_machine.go_apart): where nobody else is, nobody else takes the port.
"""

import os
import re
import urllib.request

from daemons import answers, wait_until
from harness import SOURCE_DIR, Probe, free_port

HOME = SOURCE_DIR / ".cache" / "moto"
BUCKET = "models"


def has_object_store():
    return Probe((HOME / "installed").is_file(),
                 "needs moto, which script/bootstrap installs from PyPI")


class ObjectStore:
    """Runs until the test ends. `test` is one with Daemons; it must be apart from the machine, with
    its loopback device up."""

    def __init__(self, test):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = test.log_of("moto")
        self._passwords = test.scratch / "s3fs-passwords"
        self._passwords.write_text("key:secret", encoding="utf-8")
        self._passwords.chmod(0o600)
        process = test.start_here("moto", HOME / "bin" / "python", "-m", "moto.server", "-H",
                                  "127.0.0.1", "-p", port, cwd=test.scratch)
        wait_until(lambda: answers("127.0.0.1", port), process, self._log)
        self._put("")

    def _put(self, key, content=b"", **headers):
        # moto takes what has no type for a form, and waits for its end without end.
        request = urllib.request.Request(
            f"{self.url}/{BUCKET}/{key}", content, method="PUT",
            headers={"Content-Type": "application/octet-stream", **headers})
        no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        no_proxy.open(request, timeout=100).close()

    def put(self, folder, prefix):
        """Stores the files of `folder` as PREFIX/NAME."""
        for file in sorted(folder.iterdir()):
            with open(file, "rb") as content:
                self._put(f"{prefix}/{file.name}", content,
                          **{"Content-Length": str(file.stat().st_size)})

    def reads(self, key):
        """How often somebody began to read an object, so far."""
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return len(re.findall(rf"GET /{BUCKET}/{re.escape(key)} HTTP", text))

    def rclone_mount(self, prefix, point, *options):
        """The words of `rclone mount` for PREFIX; they need rclone_environment."""
        remote = (":s3,provider=Other,access_key_id=key,secret_access_key=secret,region=us-east-1,"
                  f"endpoint='{self.url}',force_path_style=true:{BUCKET}/{prefix}")
        return ("rclone", "mount", remote, point, "--config", "/dev/null", "--read-only", *options)

    def s3fs_mount(self, prefix, point, *options, where=()):
        """The words of `s3fs` for PREFIX; `where`: flags such as -f, which keeps it in the
        foreground."""
        words = (f"url={self.url}", "use_path_request_style", f"passwd_file={self._passwords}",
                 *options)
        return ("s3fs", f"{BUCKET}:/{prefix}", point, *where, "-o", ",".join(words))


def rclone_environment():
    """Without what has it look for certificates where it needs none."""
    return {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
