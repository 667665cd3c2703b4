"""The clients of bench/macro/pool.ts: stock RPyC, blocking calls, PROCESSES processes of THREADS threads with a connection each.

``pool-load.py PORT METHOD ARGUMENTS ANSWER SECONDS PROCESSES THREADS [BLOCK_MS]`` calls METHOD(*ARGUMENTS) for SECONDS in every thread, checks
every answer, and prints one line of JSON. With BLOCK_MS, clients of worker 0 make no calls; if it is above 0, one more call blocks worker 0 for
so long meanwhile.
"""
import json
import multiprocessing
import sys
import threading
import time

import rpyc


def run(port, method, arguments, answer, seconds, threads, skip, barrier, results):
    samples = []

    def client():
        conn = rpyc.connect("127.0.0.1", port)
        call = getattr(conn.root, method)
        is_quiet = skip and conn.root.worker() == 0
        own = []
        if not is_quiet:
            for _ in range(20):
                call(*arguments)
        barrier.wait()
        end = time.perf_counter() + seconds
        while not is_quiet:
            before = time.perf_counter_ns()
            if before / 1e9 >= end:
                break
            value = call(*arguments)
            own.append(time.perf_counter_ns() - before)
            assert value == answer, (value, answer)
        samples.extend(own)

    clients = [threading.Thread(target=client) for _ in range(threads)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    results.put(samples)


def main(port, method, arguments, answer, seconds, processes, threads, block=None):
    port, seconds, processes, threads = int(port), float(seconds), int(processes), int(threads)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes * threads + 1)
    results = context.Queue()
    arguments = (port, method, json.loads(arguments), json.loads(answer), seconds, threads, block is not None, barrier, results)
    loads = [context.Process(target=run, args=arguments, daemon=True) for _ in range(processes)]
    blocker = None
    if block is not None:
        while blocker is None or blocker.root.worker() != 0:
            blocker = rpyc.connect("127.0.0.1", port)
    for load in loads:
        load.start()
    barrier.wait()
    if blocker is not None and float(block) > 0:
        rpyc.async_(blocker.root.block)(float(block))
    samples = sorted(sample for _ in loads for sample in results.get())
    at = lambda part: samples[int(len(samples) * part)]
    print(json.dumps({"calls": len(samples), "ns": seconds * 1e9 / len(samples), "p50": at(0.5), "p99": at(0.99)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
