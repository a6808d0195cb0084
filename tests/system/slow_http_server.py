#!/usr/bin/env python3
"""Serves the files of one folder over HTTP, each request for one answered after a network's while.

  slow_http_server.py FOLDER DELAY_S

Its first line is its port, of 127.0.0.1; then one line for each file asked for: NAME RANGE.
"""

import http.server
import os
import re
import sys
import time
import urllib.parse
from pathlib import Path

PIECE_BYTES = 1 << 20


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        name = urllib.parse.unquote(self.path).strip("/")
        file = self.server.folder / name
        if not name:
            self.send_index()
        elif file.is_file():
            self.send_file(file)
        else:
            self.begin(404, 0)

    def begin(self, status, size, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def send_index(self):
        names = sorted(file.name for file in self.server.folder.iterdir())
        body = "".join(f'<a href="{name}">{name}</a>\n' for name in names).encode()
        self.begin(200, len(body), Content_Type="text/html")
        if self.command == "GET":
            self.wfile.write(body)

    def send_file(self, file):
        size = file.stat().st_size
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1, size) if asked and asked[2] else size
        if self.command == "GET":
            print(file.name, self.headers.get("Range", ""), flush=True)
            time.sleep(self.server.delay_s)
        headers = {"Content_Type": "application/octet-stream", "Accept_Ranges": "bytes",
                   "Last_Modified": "Sun, 01 Nov 2026 00:00:00 GMT"}
        if asked:
            headers["Content_Range"] = f"bytes {first}-{end - 1}/{size}"
        self.begin(206 if asked else 200, end - first, **headers)
        if self.command == "GET":
            self.send_bytes(file, first, end)

    def send_bytes(self, file, first, end):
        with open(file, "rb", buffering=0) as source:
            try:
                while first < end:
                    first += self.connection.send(
                        os.pread(source.fileno(), min(PIECE_BYTES, end - first), first))
            except OSError:  # the client has closed the stream to open another
                self.close_connection = True


def main():
    folder, delay_s = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    server.folder, server.delay_s = Path(folder), float(delay_s)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
