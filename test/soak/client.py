"""The Python client of the soak: one connection of stock RPyC that stays, others that come and go. ``client.py PORT``.

Orders come as lines on stdin, counts go as a line of JSON to stdout; see part.ts.
"""
import gc
import json
import sys
import threading

import rpyc

port = int(sys.argv[1])
paused = threading.Event()
ended = threading.Event()
calls = connections = 0


def obey():
    for line in sys.stdin:
        if line.strip() == "pause":
            paused.set()
    paused.set()
    ended.set()


def connect():
    global connections
    connections += 1
    return rpyc.connect("127.0.0.1", port)


def exercise(conn, n):
    global calls
    root = conn.root
    for i in range(20):
        assert root.add(n, i) == n + i
    lists = [root.make_list(i) for i in range(10)]
    assert len(lists[7]) == 7 and list(lists[3]) == [0, 1, 2]
    assert root.make_row(n).twice() == 2 * n
    assert root.make_adder(n)(1) == n + 1
    assert root.call(lambda value: root.add(value, 1), n) == n + 1
    for i in range(10):
        root.hold([i])
    assert list(root.squares(4)) == [0, 1, 4, 9]
    assert root.later("text") == "text"
    try:
        getattr(root, "raise")("from python %d" % n)
    except ValueError as error:
        assert "from python" in str(error)
    else:
        raise AssertionError("nothing was raised")
    pending = [rpyc.async_(root.add)(n, i) for i in range(10)]
    assert [each.value for each in pending] == [n + i for i in range(10)]
    calls += 80
    if n % 10 == 0:
        assert len(root.echo(b"x" * 1000000)) == 1000000
        assert len(root.texts(2000)) == 2000


threading.Thread(target=obey, daemon=True).start()
stays = connect()
n = 0
while not paused.is_set():
    exercise(stays, n)
    if n % 5 == 0:
        passing = connect()
        exercise(passing, n)
        if n % 10 == 0:
            passing.close()
        else:
            passing._channel.close()  # without a goodbye
        del passing
    n += 1
stays.root.drop()
gc.collect()
stays.ping()
print(json.dumps({"calls": calls, "connections": connections}), flush=True)
ended.wait()
stays.close()
