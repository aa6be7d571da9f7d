"""A policy behind HTTP, from the standard library alone: python examples/policy_server.py [PORT].

With a number of episodes too it evaluates itself and stops. docs/policies.md has the protocol.
"""

import json
import math
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def chase(seen):
    """Run to the block that is farthest from its place: one observation, one action."""
    pusher = seen["observation"][0][:2]  # of N entities x D features; row 0 is the pusher
    blocks = [row[:2] for row in seen["achieved_goal"][1:]]
    places = [row[:2] for row in seen["desired_goal"][1:]]
    away = [math.dist(blocks[k], places[k]) for k in range(len(blocks))]
    target = blocks[away.index(max(away))]
    return [max(-1.0, min(1.0, 10 * (target[k] - pusher[k]))) for k in range(2)]


class Policy(BaseHTTPRequestHandler):
    """Answers /info, /reset and /act."""

    protocol_version = "HTTP/1.1"  # one connection for many steps
    wbufsize = -1  # an answer goes out as a whole: in two parts it waits for 40 ms

    def do_GET(self):
        self.answer({"protocol": 1, "name": "chase"})

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/reset":  # given: "task" and "batch"
            return self.answer({"state": {"steps": 0}})  # whatever the policy remembers
        seen, state = given["observation"], given["state"]
        batch = range(len(seen["observation"]))
        rows = [{name: part[k] for name, part in seen.items()} for k in batch]
        state["steps"] += 1
        return self.answer({"actions": [chase(row) for row in rows], "state": state})

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


port, *episodes = [int(word) for word in sys.argv[1:]] or [9000]
server = ThreadingHTTPServer(("127.0.0.1", port), Policy)
url = f"http://127.0.0.1:{server.server_port}"
print(f"bench eval --task push-2blocks --agent {url}", flush=True)
if not episodes:
    server.serve_forever()
threading.Thread(target=server.serve_forever, daemon=True).start()

import entitybench as eb  # noqa: E402 - the server does without it

print(eb.table(eb.evaluate(url, "push-2blocks", episodes=episodes[0])))
server.shutdown()
