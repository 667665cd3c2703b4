"""The Python rival of bench/macro, stock RPyC at both ends.

``rival.py server`` prints READY {"port": N} and ends with its stdin. ``rival.py sync|inflight PORT COUNT [WINDOW]`` calls add(5, 10)
COUNT times, checks every answer, and prints one line of JSON as client.mjs does.
"""
import collections
import json
import os
import sys
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer


class Calculator(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b


def server():
    served = ThreadedServer(Calculator, hostname="127.0.0.1", port=0)
    threading.Thread(target=served.start, daemon=True).start()
    timer = threading.Timer(120, os._exit, [1])
    timer.daemon = True
    timer.start()
    print("READY " + json.dumps({"port": served.port}), flush=True)
    sys.stdin.read()
    os._exit(0)


def sync(add, count, _window):
    samples = []
    for _ in range(count):
        before = time.perf_counter_ns()
        value = add(5, 10)
        samples.append(time.perf_counter_ns() - before)
        assert value == 15
    return samples


def inflight(add, count, window):
    call = rpyc.async_(add)
    samples = []
    waiting = collections.deque()
    for _ in range(count):
        if len(waiting) == window:
            finish(waiting, samples)
        waiting.append((time.perf_counter_ns(), call(5, 10)))
    while waiting:
        finish(waiting, samples)
    return samples


def finish(waiting, samples):
    before, result = waiting.popleft()
    assert result.value == 15
    samples.append(time.perf_counter_ns() - before)


def client(run, port, count, window=64):
    conn = rpyc.connect("127.0.0.1", port)
    add = conn.root.add
    run(add, min(count, 200), window)
    before, cpu = time.perf_counter_ns(), time.process_time_ns()
    samples = sorted(run(add, count, window))
    total, cpu = time.perf_counter_ns() - before, time.process_time_ns() - cpu
    result = {"ns": total / count, "p50": samples[count // 2], "p99": samples[int(count * 0.99)], "cpu": cpu / count}
    print(json.dumps(result), flush=True)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server()
    else:
        client({"sync": sync, "inflight": inflight}[sys.argv[1]], *map(int, sys.argv[2:]))
