"""A real HTTP server on loopback that speaks the chat-completions protocol. The test chooses its replies.

with serve(lambda body, number: answer("42")) as server:
    Endpoint(server.url, "m", log=...)
    server.bodies                           # the requests, in order
"""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = {"Content-Type": "application/json"}


def answer(text, prompt_tokens=7, completion_tokens=3, finish="stop", **message):
    """Return (status, headers, body) of a chat completion."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text} | message}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens},
    }
    return 200, JSON, json.dumps(body).encode()


def failure(status, headers=(), message="no", **error):
    """Return (status, headers, body) of an error in OpenAI's form."""
    return status, JSON | dict(headers), json.dumps({"error": {"message": message} | error}).encode()


def cut(text="half"):
    """Return (status, headers, body) of a reply whose connection is closed before its end."""
    status, headers, body = answer(text)
    return status, headers | {"Content-Length": str(len(body))}, body[: len(body) // 2]


def body(value):
    """Return (status, headers, body) of a success with any JSON, NaN and Infinity included."""
    return 200, JSON, json.dumps(value).encode()


def drip(reply, pieces, seconds):
    """Return a reply whose body is sent in pieces, with so many seconds before each of them."""
    status, headers, data = reply

    def slowly():
        step = -(-len(data) // pieces)
        for start in range(0, len(data), step):
            time.sleep(seconds)
            yield data[start : start + step]

    return status, headers | {"Content-Length": str(len(data))}, slowly()


class Handler(BaseHTTPRequestHandler):
    """Records each request and sends the server's reply to it."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one write a reply: no waiting for acknowledgements

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.bodies.append(body)
            server.headers.append(self.headers)
            number = len(server.bodies)
        status, headers, data = server.respond(body, number)
        self.send_response(status)
        pieces = [data] if isinstance(data, bytes) else data
        headers = ({"Content-Length": str(len(data))} if isinstance(data, bytes) else {}) | dict(headers)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        sent = 0
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            sent += len(piece)
        if int(headers["Content-Length"]) > sent:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """The server; `bodies` and `headers` hold the requests received so far."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.respond, self.bodies, self.headers, self.lock = respond, [], [], threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address):
        pass  # some tests kill their client


@contextmanager
def serve(respond):
    """Run a server in a thread; `respond(body, number)` returns (status, headers, data) for the number-th request."""
    server = Server(respond)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
