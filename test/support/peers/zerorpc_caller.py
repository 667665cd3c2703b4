"""A real zerorpc client for the tests of rpyc/zerorpc. Arguments: port, heartbeat in seconds, and perhaps `hang` or `lose`.

Prints one JSON value: what it saw. With `hang` it begins a stream, and a call that does not end, says so, and waits;
with `lose` it calls what does not end, and prints with which error it does.
"""

import json
import sys

import gevent
import zerorpc

print("READY", flush=True)
client = zerorpc.Client("tcp://127.0.0.1:" + sys.argv[1], heartbeat=float(sys.argv[2]), timeout=10)
saw = {}

if sys.argv[3:] == ["hang"]:
    items = client.count(1000000)
    next(items)
    gevent.spawn(client.hang)
    gevent.sleep(0)
    client.add(1, 2)
    print(json.dumps("waiting"), flush=True)
    gevent.sleep(60)


if sys.argv[3:] == ["lose"]:
    try:
        client.hang()
    except zerorpc.LostRemote as error:
        print(json.dumps(["LostRemote", str(error)]), flush=True)
    gevent.sleep(60)


def note(name, call):
    try:
        saw[name] = call()
    except zerorpc.RemoteError as error:
        saw[name] = [error.name, error.msg]


def large():
    value = client.echo(10**10)
    return [value, type(value).__name__]


note("ping", lambda: client._zerorpc_ping())
note("list", lambda: client._zerorpc_list())
note("inspect", lambda: client._zerorpc_inspect()["methods"]["add"]["args"])
note("add", lambda: client.add(5, 10))
note("large", large)
note("echo", lambda: client.echo("café", [1, {"a": None}]))
note("fail", lambda: client.fail())
note("nosuch", lambda: client.nosuch())
note("slow", lambda: client.slow())
note("count", lambda: list(client.count(5000)))
note("count_fail", lambda: list(client.count_fail(150)))
print(json.dumps(saw), flush=True)
