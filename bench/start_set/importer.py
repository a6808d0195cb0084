"""Imports the modules that it is given, after the port on which it then answers 200, as a server does."""

import http.server
import importlib
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


for name in sys.argv[2:]:
    importlib.import_module(name)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
