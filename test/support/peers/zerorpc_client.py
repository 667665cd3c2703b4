"""A real zerorpc client for the tests. Arguments: port, heartbeat in seconds. Prints one JSON value: what it saw."""

import json
import sys

import zerorpc

print("READY", flush=True)
client = zerorpc.Client("tcp://127.0.0.1:" + sys.argv[1], heartbeat=float(sys.argv[2]), timeout=10)
saw = {}


def note(name, call):
    try:
        saw[name] = call()
    except zerorpc.RemoteError as error:
        saw[name] = [error.name, error.msg]


note("add", lambda: client.add(5, 10))
note("echo", lambda: client.echo("café", [1, {"a": None}]))
note("fail", lambda: client.fail())
note("slow", lambda: client.slow())
note("count", lambda: list(client.count(300)))
note("count_fail", lambda: list(client.count_fail(150)))
print(json.dumps(saw), flush=True)
