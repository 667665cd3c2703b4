"""The Python side of the matrix: one process per peer, server and client at once.

It prints ``READY {"port": N}`` and serves ``Matrix``; its clients are driven through stdin, one JSON command per line,
each answered with one line: ``{"value": ...}`` or ``{"error": "traceback"}``. Works with RPyC 4.1 to 6.x.
"""
import json
import os
import sys
import textwrap
import threading
import traceback

import rpyc
from rpyc.utils.server import ThreadedServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support", "peers"))
import server  # noqa: E402  (the peer service of the other interop tests)

CONFIG = {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True}


def raised(action, *args, **kwargs):
    """``[class name, first line of the text]`` of what *action* raises, or None."""
    try:
        action(*args, **kwargs)
    except Exception as error:
        return [kind(error), (str(error).splitlines() or [""])[0]]


def caught(action, *args, **kwargs):
    """What *action* raises."""
    try:
        action(*args, **kwargs)
    except BaseException as error:
        return error


def kind(error):
    """The class of an exception as its author called it, not RPyC's class derived from it."""
    return next(c for c in type(error).__mro__ if not c.__name__.startswith("Derived")).__name__


def check(conn, row, text, it=None):
    """Runs the Python text of a row; ``it`` is the row's object, ``out`` what it found. The answer is JSON."""
    out = {}
    names = dict(conn=conn, root=conn.root, rpyc=rpyc, out=out, raised=raised, caught=caught, kind=kind)
    names["it"] = conn.root.subject(row) if row else it
    exec(compile(textwrap.dedent(text), "row " + row, "exec"), names)
    return json.dumps(out, default=repr)


class Gate:
    """A context manager that remembers."""

    def __init__(self, suppress=False):
        self.suppress = suppress
        self.log = ()

    def __enter__(self):
        self.log += ("enter",)
        return self

    def __exit__(self, kind, value, traceback):
        self.log += ("clean" if kind is None else "failed",)
        return self.suppress

    def value(self):
        return 7


server.Gate = Gate  # in reach of `eval`


class Matrix(server.PeerService):
    _it = None

    def exposed_check(self, row, text):
        return check(self._conn, row, text, self._it)

    def exposed_hand_over(self, row):
        self._it = self._conn.root.subject(row)

    def exposed_gate(self, suppress=False):
        return Gate(suppress)

    def exposed_attribute_error(self):
        return None.nothing  # type: ignore

    async def exposed_coroutine(self, value):
        return value


CONNECTIONS = {}


def connect(key, port, config):
    CONNECTIONS[key] = rpyc.connect("127.0.0.1", port, config=dict(CONFIG, **config))


def run(key, row, text):
    return check(CONNECTIONS[key], row, text)


def lend(key, row):
    """Node works with our objects: it is handed the service that Node clients have for their root."""
    helper = Matrix()
    helper._conn = CONNECTIONS[key]
    try:
        return CONNECTIONS[key].root.work(row, helper)
    except KeyboardInterrupt:
        disconnect(key)  # as a program would that ends
        raise


def disconnect(key):
    conn = CONNECTIONS.pop(key, None)
    if conn is not None:
        conn.close()


COMMANDS = {"connect": connect, "run": run, "lend": lend, "disconnect": disconnect}


def main():
    peer = ThreadedServer(Matrix, hostname="127.0.0.1", port=0, protocol_config=CONFIG)
    peer.listener.listen(peer.backlog)
    threading.Thread(target=peer.start, daemon=True).start()
    print("READY " + json.dumps({"port": peer.port}), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = {"value": COMMANDS[name](*arguments)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
