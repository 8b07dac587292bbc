"""A real HTTP server that speaks the chat-completions protocol and fails on purpose; run as a program of its own.

python tests/llm_server.py --latency 0.2 --faults 0.05 --log calls.jsonl      prints its address

It answers the questions of this project: for a writing question with distinct, sensible names, for a judge's question
with votes. Which requests fail is drawn from a seed and the number of the call, so a request that is sent again can
succeed. Every request is a line of the log: digest, what happened, seconds.
"""

import argparse
import hashlib
import json
import math
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = ("429", "500", "timeout", "truncated", "schema")
PLACES = ("meadow", "harbour", "desert", "orchard", "canyon", "glacier", "market", "lagoon", "tundra", "temple")
LOOKS = ("quiet", "misty", "sunlit", "stormy", "frozen", "flooded", "mossy", "dusty", "windy", "golden")
COLORS = {
    "feasible": {
        **{"brown": "#653700", "gray": "#929591", "white": "#ffffff", "black": "#000000", "tan": "#d1b26f"},
        **{"beige": "#e6daa6", "cream": "#ffffc2", "chestnut": "#742802", "rust": "#a83c09", "charcoal": "#343837"},
        **{"khaki": "#aaa662", "sand": "#e2ca76", "mahogany": "#4a0100", "copper": "#b66325", "olive": "#6e750e"},
    },
    "infeasible": {
        **{"hot pink": "#ff028d", "lime": "#aaff32", "cyan": "#00ffff", "magenta": "#c20078"},
        **{"turquoise": "#06c2ac", "violet": "#9a0eea", "azure": "#069af3", "neon green": "#0cff0c"},
        **{"royal blue": "#0504aa", "crimson": "#8c000f", "lavender": "#c79fef", "aqua": "#13eac9"},
        **{"fuchsia": "#ed0dd9", "electric blue": "#0652ff", "indigo": "#380282"},
    },
}


class Server(ThreadingHTTPServer):
    """The server and what it remembers."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *, latency=0.0, faults=0.0, seed=0, log=None, script=None, keys=(), stall=5.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.latency, self.faults, self.seed, self.log, self.script = latency, faults, seed, log, script
        self.keys, self.stall = keys, stall
        self.calls, self.lock, self.busy, self.most_busy = [], threading.Lock(), 0, 0
        self.started = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        self.started.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that was killed closes its connection; that is no news."""

    def draw(self, number):
        """What goes wrong with a call."""
        value = random.Random(f"{self.seed} {number}").random()
        place = int(value / self.faults) if self.faults else len(FAULTS)
        return FAULTS[place] if place < len(FAULTS) else ""

    def note(self, entry):
        with self.lock:
            self.calls.append(entry)
            if self.log:
                with Path(self.log).open("a") as file:
                    file.write(json.dumps(entry) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets, the second would wait 40 ms

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server, start = self.server, time.time()
        with server.lock:
            number = len(server.calls) + server.busy
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
        what = "gone"
        try:
            what = self.answer(json.loads(body), number)
        finally:
            with server.lock:
                server.busy -= 1
            digest = hashlib.sha256(body).hexdigest()[:16]
            server.note({"request": digest, "what": what, "start": start, "seconds": time.time() - start})

    def answer(self, body, number):
        server = self.server
        if server.keys and self.headers.get("Authorization", "").removeprefix("Bearer ") not in server.keys:
            told = self.headers.get("Authorization", "")
            self.reply(401, {"error": {"message": f"Incorrect API key provided: {told}", "code": "invalid_api_key"}})
            return "401"
        if server.script is not None:
            status, reply, headers = server.script(self.path, body, number)
            self.reply(status, reply, headers)
            return str(status)
        fault = server.draw(number)
        if fault == "429":
            self.reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})
            return fault
        if fault == "500":
            self.reply(500, {"error": {"message": "internal"}})
            return fault
        if fault == "timeout":
            time.sleep(server.stall)
            self.close_connection = True
            return fault
        time.sleep(server.latency)
        if shows_picture(body):
            self.reply(200, looked(body))
            return fault or "ok"
        content = written(body)
        if fault == "truncated":
            content = content[: len(content) // 2]
        if fault == "schema":
            content = json.dumps({"prompts": [{"title": "no such key"}], "answers": [{"number": "one"}]})
        self.reply(200, completion(body, content, "length" if fault == "truncated" else "stop"))
        return fault or "ok"

    def reply(self, status, value, headers=None):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


def completion(body, content, finish="stop", **message):
    """A chat completion as the protocol has it."""
    sent = sum(_tokens(m["content"]) for m in body["messages"])
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "finish_reason": finish,
                     "message": {"role": "assistant", "content": content, **message}}],
        "usage": {"prompt_tokens": sent, "completion_tokens": len(content or "") // 4,
                  "total_tokens": sent + len(content or "") // 4},
    }  # fmt: skip


def _tokens(content):
    if isinstance(content, str):
        return len(content) // 4
    return sum(len(part["text"]) // 4 if part["type"] == "text" else 85 for part in content)


def shows_picture(body):
    """Whether a request asks about a picture."""
    return isinstance(body["messages"][-1]["content"], list)


def looked(body, p_yes=None, mass=0.98):
    """An answer to a question about a picture, with the probabilities of the first word where they are asked for.

    P(yes) depends on the picture and the question alone, unless it is given.
    """
    if p_yes is None:
        p_yes = random.Random(json.dumps(body["messages"])).uniform(0.05, 0.95)
    reply = completion(body, "Yes." if p_yes > 0.5 else "No.")
    if body.get("logprobs"):
        shares = {"Yes": 0.9 * p_yes, " yes": 0.1 * p_yes, "No": 1 - p_yes}
        words = {word: share * mass for word, share in shares.items()} | {"Perhaps": 1 - mass}
        likely = sorted(words.items(), key=lambda entry: -entry[1])[: body["top_logprobs"]]
        top = [{"token": word, "logprob": math.log(share), "bytes": None} for word, share in likely if share > 0]
        stop = {"token": ".", "logprob": -0.1, "bytes": None, "top_logprobs": []}
        reply["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}, stop], "refusal": None}
    return reply


def leaning(body):
    """An answer to a question about a picture of one who sees what was put in, and leans towards feasible."""
    text = body["messages"][0]["content"][1]["text"]
    against = ("other", "wrong", "impossible", "cannot", "does not exist")
    return looked(body, 0.3 if any(word in text for word in against) else 0.8)


def written(body):
    """A good answer to a question of this project."""
    question = body["messages"][1]["content"]
    numbered = re.findall(r"^(\d+)\. (\".*\")$", question, re.M)
    if numbered:
        votes = [{"number": int(n), "feasible": not json.loads(text).startswith(UNREAL)} for n, text in numbered]
        return json.dumps({"answers": votes})
    count, arm, kind = re.search(r"Write (\d+) different (\w+) (\w+)", question).groups()
    taken = set(re.findall(r"^- \"([^\"]*)\"", question, re.M))
    return json.dumps({"prompts": list(items(int(count), arm, kind, taken))})


UNREAL = ("impossible", *COLORS["infeasible"])


def items(count, arm, kind, taken):
    if kind.startswith("colo"):
        free = [(name, rgb) for name, rgb in COLORS[arm].items() if name not in taken]
        for name, rgb in free[:count]:
            yield {"name": name, "rgb": rgb}
        return
    made = 0
    for look in LOOKS:
        for place in PLACES:
            words = ("impossible" if arm == "infeasible" else "", look, place, "weave" if kind == "surface" else "")
            name = " ".join(word for word in words if word)
            if name not in taken and made < count:
                made += 1
                yield {"name": name, "description": f"A wide view of a {look} {place} under an open sky."}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--stall", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log")
    with Server(**vars(parser.parse_args())) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
