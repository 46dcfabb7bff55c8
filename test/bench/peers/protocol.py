"""The protocol of a peer: one JSON request per line on stdin, one JSON response per line on stdout.

    {"mode": "scan", "widths": [8, 64, 1], "batch": 64, "device": "cpu", "seconds": 0.5}  ->  {"microsPerStep": 17.5}
    {"product": [1024, 1024, 1024], "seconds": 0.5}                                       ->  {"gflops": 33.1}

The first line of a peer is {"library", "version", "modes", "cuda"}, or {"error"} if its library does not load. A request that
fails is answered with {"error"}. Times are those of the fastest stretch of about ten milliseconds.
"""

import json
import sys
import time

STRETCH_SECONDS = 0.012


class Stretches:
    """Times `run(count)`, which computes `count` steps and waits for them."""

    def __init__(self, run):
        self.run = run
        self.count = 1
        # The second run may compile again, for what the first one returned.
        for _ in range(3):
            self.run(self.count)

    def fastest(self, seconds):
        """Seconds per step of the fastest stretch."""
        best, start = float("inf"), time.perf_counter()
        while True:
            before = time.perf_counter()
            self.run(self.count)
            now = time.perf_counter()
            best = min(best, (now - before) / self.count)
            if best * self.count < STRETCH_SECONDS:
                # By the fastest, because other work on the machine lengthens single stretches.
                while best * self.count < STRETCH_SECONDS:
                    self.count *= 2
                # The first run of a count may compile it.
                self.run(self.count)
            elif now - start >= seconds:
                return best


def one_line(error):
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:240]


def answer(request, prepared, prepare, product):
    if "product" in request:
        m, k, n = request["product"]
        return {"gflops": 2e-9 * m * k * n / Stretches(product(m, k, n)).fastest(request["seconds"])}
    model = {name: request[name] for name in ("widths", "batch", "device")}
    if prepared.get("model") != model:
        prepared.clear()
        prepared["model"] = model
    if request["mode"] not in prepared:
        prepared[request["mode"]] = Stretches(prepare(request["mode"], **model))
    return {"microsPerStep": 1e6 * prepared[request["mode"]].fastest(request["seconds"])}


def write(response):
    print(json.dumps(response), flush=True)


def serve(load):
    """Serves requests until stdin ends.

    `load()` imports the library and returns (hello, prepare, product). `prepare(mode, widths, batch, device)` and
    `product(m, k, n)` return a function that computes a given number of steps, or of products, and waits for them.
    """
    try:
        hello, prepare, product = load()
    except Exception as error:
        write({"error": one_line(error)})
        return
    write(hello)
    prepared = {}
    for line in sys.stdin:
        try:
            write(answer(json.loads(line), prepared, prepare, product))
        except Exception as error:
            write({"error": one_line(error)})
