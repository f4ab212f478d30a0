"""A stand-in for EKS in trouble: passes calls on to a control plane as they are signed, but for those that a test answers
itself."""
import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Trouble:
    """An error in EKS's form."""

    def __init__(self, status, code, message):
        self.status, self.code, self.message = status, code, message


class StandIn:
    """Asks `meddle(method, path)` before each call: a `Trouble` is answered, else the call is passed on. `after(method,
    path, status)` is told of each answer before the client gets it."""

    def __init__(self, api, meddle=None, after=None):
        self.target, self.meddle, self.after = urlsplit(api).netloc, meddle, after
        self.seen, self.lock = [], threading.Lock()

    def refused(self, method, path):
        with self.lock:
            self.seen.append((method, path))
            return self.meddle(method, path) if self.meddle else None

    def pass_on(self, method, path, headers, body):
        # Connections are not kept: the control plane is on this machine.
        upstream = http.client.HTTPConnection(self.target, timeout=60)
        try:
            upstream.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            upstream.close()

    def count(self, method, part):
        return sum(1 for m, path in self.seen if m == method and part in path)


def handler(stand_in):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            trouble = stand_in.refused(self.command, self.path)
            if trouble:
                status, content = trouble.status, json.dumps({"message": trouble.message}).encode()
                headers = [("content-type", "application/json"), ("x-amzn-ErrorType", trouble.code)]
            else:
                status, headers, content = stand_in.pass_on(self.command, self.path, self.headers.items(), body)
            if stand_in.after:
                stand_in.after(self.command, self.path, status)
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def stand_in(api, meddle=None, after=None):
    """Runs one; its address is `url`."""
    it = StandIn(api, meddle, after)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(it))
    server.daemon_threads = True
    it.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
