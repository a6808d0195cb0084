"""The least of an object store that s3fs needs to show a folder: a bucket `models` on loopback, read
only, whoever asks."""

import http.server
import os
import threading
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape

BUCKET = "models"


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        key = urllib.parse.unquote(url.path).strip("/").removeprefix(BUCKET).strip("/")
        file = self.server.folder / key
        if not key:
            self.list_objects(dict(urllib.parse.parse_qsl(url.query)).get("prefix", ""))
        elif not file.is_file() or url.path.endswith("/"):
            self.answer(404)
        else:
            self.send_object(file)

    def list_objects(self, prefix):
        found = [f"<Contents><Key>{escape(file.name)}</Key><Size>{file.stat().st_size}</Size>"
                 "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                 for file in sorted(self.server.folder.iterdir()) if file.name.startswith(prefix)]
        body = ('<?xml version="1.0" encoding="UTF-8"?>'
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{''.join(found)}"
                "</ListBucketResult>")
        self.answer(200, body.encode(), Content_Type="application/xml")

    def send_object(self, file):
        size = file.stat().st_size
        begin, end = 0, size - 1
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            first, last = asked.removeprefix("bytes=").split("-")
            begin, end = int(first), min(int(last or end), end)
        headers = {"Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"1"',
                   "Accept_Ranges": "bytes", "Content_Type": "application/octet-stream"}
        if self.command == "HEAD":
            self.answer(200, b"", **{"Content_Length": size, **headers})
            return
        with open(file, "rb") as source:
            body = os.pread(source.fileno(), end - begin + 1, begin)
        self.answer(206 if asked else 200, body, **headers,
                    Content_Range=f"bytes {begin}-{end}/{size}")


def serve(test, folder):
    """Serves the files of `folder` until the test ends; the URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    server.folder = Path(folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    test.addCleanup(thread.join)
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"
