"""An inference server as far as it listens: it reads the files of the directory that is its first
argument that is one, and then answers GET PREFIX/health with 200, and all else with 404.

  --tls CERT KEY   --bind HOST   --port N   --uds PATH   --prefix /x

What else is on its command line it overlooks."""

import argparse
import http.server
import os
import socketserver
import ssl

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--tls", nargs=2)
parser.add_argument("--bind", default="127.0.0.1")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--uds")
parser.add_argument("--prefix", default="")
options, words = parser.parse_known_args()

for folder in filter(os.path.isdir, words):
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
    break


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == options.prefix + "/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("unix", 0)


if options.uds:
    server = UnixServer(options.uds, Handler)
else:
    server = http.server.ThreadingHTTPServer((options.bind, options.port), Handler)
if options.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*options.tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("listening", flush=True)
server.serve_forever()
