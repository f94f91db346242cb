"""What a client does when the server is busy, gone, slow or odd."""

import concurrent.futures
import http.server
import json
import threading
import time
import unittest

from pgsrm_reward import Client, RewardError, Sample, Unavailable, score_one, trl_reward
from pgsrm_reward.client import Options, _parts


def scored(value):
    return {"reward": value, "terms": {"t": value}, "right": False, "reference": "r", "error": None}


def failed(retry):
    return {"reward": None, "terms": None, "right": False, "reference": None, "error": {"code": "c", "message": "away", "retry": retry}}


def reply(results, groups=False):
    return {"name": "default", "terms": ["t"], "groups": groups, "rewards": [], "results": results}


class Script:
    """A server that answers by a function of the number and the body of the request:
    (status, headers, object or bytes), or None to drop the connection."""

    def __init__(self, answer):
        self.requests, self.connections = [], set()
        script, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    number = len(script.requests)
                    script.requests.append((body, self.headers))
                    script.connections.add(self.client_address)
                answered = answer(number, body)
                if answered is None:
                    self.close_connection = True
                    return
                status, headers, value = answered
                text = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, one in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, one)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/rewards/x"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def each(body, groups=False):
    return 200, {}, reply([scored(float(len(s["response"]))) for s in body["samples"]], groups)


ASKED = [Sample("p", "a"), Sample("p", "bb")]


class Faults(unittest.TestCase):
    def test_tries_again(self):
        def answer(number, body):
            return [None, (503, {"Retry-After": "0.1"}, {"error": {"message": "busy"}}), (200, {}, b"[nonsense")][number] if number < 3 else each(body)

        with Script(answer) as s:
            results = Client(url=s.url, token="t" * 16).score(ASKED)
            self.assertEqual([r.reward for r in results], [1.0, 2.0])
            self.assertEqual(len(s.requests), 4)
            self.assertEqual(s.requests[0][1]["Authorization"], "Bearer " + "t" * 16)

    def test_mistakes_are_told_at_once(self):
        with Script(lambda *_: (401, {}, {"error": {"message": "no token"}})) as s:
            with self.assertRaisesRegex(RewardError, "HTTP 401: no token"):
                Client(url=s.url).score(ASKED)
            self.assertEqual(len(s.requests), 1)

    def test_deadline(self):
        with Script(lambda *_: (503, {"Retry-After": "60"}, {"error": {"message": "busy"}})) as s:
            with self.assertRaisesRegex(Unavailable, r"HTTP 503: busy \(1 attempts\)"):
                Client(url=s.url, deadline=5).score(ASKED)
        with self.assertRaises(Unavailable):
            Client(url=s.url, deadline=0.2).score(ASKED)
        gate = threading.Event()
        with Script(lambda *_: gate.wait(30) and None) as s:
            begun = time.monotonic()
            with self.assertRaises(Unavailable):
                Client(url=s.url, timeout=0.3, deadline=0.6).score(ASKED)
            self.assertLess(time.monotonic() - begun, 20)
            gate.set()

    def test_only_what_failed_is_asked_again(self):
        def answer(number, body):
            if number == 0:
                return 200, {}, reply([scored(1.0), failed(True), failed(False)])
            return each(body)

        with Script(answer) as s:
            results = Client(url=s.url).score([*ASKED, Sample("q", "c")])
            self.assertEqual([r.reward for r in results], [1.0, 2.0, None])
            self.assertEqual([x["response"] for x in s.requests[1][0]["samples"]], ["bb"])

    def test_groups_stay_together(self):
        def answer(number, body):
            if number == 0:
                return 200, {}, reply([scored(1.0), failed(True)], groups=True)
            return each(body, groups=True)

        with Script(answer) as s:
            self.assertEqual([r.reward for r in Client(url=s.url).score(ASKED)], [1.0, 2.0])
            self.assertEqual(len(s.requests[1][0]["samples"]), 2)
            with self.assertRaisesRegex(RewardError, "compares the answers"):
                score_one(ASKED[0], Options(url=s.url))
        samples = [Sample(p, "a") for p in "aaabbbbcc"]
        self.assertEqual(["".join(s.prompt for s in part) for part in _parts(samples, 4)], ["aaa", "bbbb", "cc"])
        self.assertEqual(["".join(s.prompt for s in part) for part in _parts(samples, 2)], ["aaa", "bbbb", "cc"])

    def test_none_where_a_failure_stays(self):
        with Script(lambda n, body: (200, {}, reply([scored(1.0), failed(True)]))) as s:
            with self.assertLogs("pgsrm_reward", "WARNING") as log:
                self.assertEqual(trl_reward(s.url, deadline=1.2)(prompts=["p", "p"], completions=["a", "b"]), [1.0, None])
            self.assertIn("1 of 2 samples have no reward: away", log.output[0])
        with Script(lambda n, body: (200, {}, reply([failed(True)]))) as s:
            with self.assertRaisesRegex(Unavailable, "away"):
                score_one(Sample("p", "a"), Options(url=s.url, deadline=1.2))

    def test_connections_are_kept_and_replaced(self):
        with Script(lambda n, body: None if n == 5 else each(body)) as s:
            client = Client(url=s.url)
            for _ in range(10):
                client.score(ASKED)
            self.assertEqual(len(s.connections), 2)  # the sixth request found a connection that had been closed
            self.assertEqual(len(s.requests), 11)
            client.close()

    def test_single_samples_travel_together(self):
        gate = threading.Event()

        def answer(number, body):
            gate.wait(30)
            return each(body)

        with Script(answer) as s, concurrent.futures.ThreadPoolExecutor(64) as pool:
            options = Options(url=s.url)
            calls = [pool.submit(score_one, Sample("p", "x" * n), options) for n in range(64)]
            while len(s.requests) < 4:
                time.sleep(0.01)
            gate.set()
            self.assertEqual([c.result().reward for c in calls], [float(n) for n in range(64)])
            self.assertLess(len(s.requests), 40)

    def test_odd_replies(self):
        for value in (b"", b"null", b"[]", b"{}", reply([]), reply([scored(1e999)]), reply([{"error": None}]), reply(None), b"[" * 100000):
            with Script(lambda *_: (200, {}, value)) as s:
                with self.assertRaises(Unavailable):
                    Client(url=s.url, deadline=0.2).score(ASKED[:1])


if __name__ == "__main__":
    unittest.main()
