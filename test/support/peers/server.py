"""The Python server of the interop tests: ``server.py [CONFIG_JSON] [HOST]`` prints ``READY {"port": N}`` and serves.

HOST may be an IPv6 address, or the path of a Unix socket (then the port is 0).

Works with RPyC 4.1 to 6.x. CONFIG_JSON is the protocol configuration. One service object per connection; what the
methods count over all connections is in ``_counters``. Ends with its parent: when stdin closes.
"""
import json
import os
import sys
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer


class CustomError(Exception):
    """An exception that no peer knows, with an attribute."""

    def __init__(self, *args):
        super().__init__(*args)
        self.code = 42


class Point:
    """Public and exposed attributes."""
    kind = "pt"

    def __init__(self, x, y):
        self.x = x
        self.y = y
        self.exposed_z = x + y
        self._hidden = "hidden"

    def norm(self):
        return (self.x ** 2 + self.y ** 2) ** 0.5

    def exposed_scale(self, factor):
        return Point(self.x * factor, self.y * factor)

    def __repr__(self):
        return "Point(%r, %r)" % (self.x, self.y)

    def __str__(self):
        return "<%s,%s>" % (self.x, self.y)

    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __call__(self, *args, **kwargs):
        return (args, tuple(sorted(kwargs.items())))


class Nested:
    """An attribute of the service that has attributes and methods itself."""
    exposed_value = 23

    def exposed_double(self, x):
        return x * 2

    @property
    def exposed_list(self):
        return [1, 2, 3]


class PeerService(rpyc.Service):
    _counters = {"connected": 0, "disconnected": 0, "calls": 0}  # over all connections
    exposed_const = 17
    exposed_Point = Point
    exposed_nested = Nested()

    def __init__(self):
        super().__init__()
        self._held = None
        self._conn = None

    def on_connect(self, conn):
        self._conn = conn
        self._counters["connected"] += 1

    def on_disconnect(self, conn):
        self._counters["disconnected"] += 1

    # values

    def exposed_add(self, a, b):
        self._counters["calls"] += 1
        return a + b

    def exposed_div(self, a, b):
        return a / b

    def exposed_echo(self, value):
        return value

    def exposed_ident(self, obj):
        return obj

    def exposed_kw(self, *args, **kwargs):
        return args + tuple(sorted(kwargs.items()))

    def exposed_big_bytes(self, n):
        return b"\xab" * n

    def exposed_repr(self, obj):
        return repr(obj)

    def exposed_eval(self, text, **names):
        """The value of a Python expression, with this module's names and *names*."""
        return eval(text, dict(globals()), names)

    def exposed_type_name(self, obj):
        return type(obj).__name__

    # objects

    def exposed_make_list(self, n):
        return list(range(n))

    def exposed_make_dict(self, n):
        return {"k%d" % i: i for i in range(n)}

    def exposed_make_set(self, n):
        return set(range(n))

    def exposed_make_point(self, x, y):
        return Point(x, y)

    def exposed_make_function(self):
        return lambda *args, **kwargs: (args, tuple(sorted(kwargs.items())))

    def exposed_generator(self, n):
        for i in range(n):
            yield i

    def exposed_items(self, obj):
        return tuple(obj)

    def exposed_getattr(self, obj, name):
        return getattr(obj, name)

    def exposed_setattr(self, obj, name, value):
        setattr(obj, name, value)

    # exceptions

    def exposed_raise_value(self, message):
        raise ValueError(message)

    def exposed_raise_custom(self, message):
        raise CustomError(message)

    def exposed_raise_from(self):
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("wrapped") from error

    # callbacks

    def exposed_call(self, callback, *args, **kwargs):
        return callback(*args, **kwargs)

    def exposed_call_many(self, callback, n):
        return sum(callback(i) for i in range(n))

    def exposed_call_catching(self, callback, *args):
        """What the callback raised: its class name and text."""
        try:
            callback(*args)
        except Exception as error:
            return (type(error).__name__, str(error))

    def exposed_call_later(self, callback, delay, value):
        """Calls from a thread of its own after *delay* seconds, when this call has returned."""
        timer = threading.Timer(delay, callback, (value,))
        timer.daemon = True
        timer.start()

    # time

    def exposed_sleep(self, seconds):
        time.sleep(seconds)
        return "slept"

    def exposed_never(self):
        threading.Event().wait()

    # the connection itself

    def exposed_get_refs(self):
        """Number of our objects that the peer holds on this connection."""
        return len(self._conn._local_objects._dict)

    def exposed_swap(self, obj):
        """Takes an object, drops it, and gives one of ours."""
        return []

    def exposed_hold(self, obj):
        self._held = obj

    def exposed_held(self):
        return self._held

    def exposed_drop(self):
        self._held = None

    def exposed_counters(self):
        return tuple(sorted(self._counters.items()))

    def exposed_close(self):
        """Closes the connection from inside a call."""
        self._conn.close()

    def exposed_exit(self):
        """Ends this process on the spot."""
        os._exit(7)


def main():
    config = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    if host.startswith("/"):
        server = ThreadedServer(PeerService, socket_path=host, protocol_config=config)
    else:
        server = ThreadedServer(PeerService, hostname=host, ipv6=":" in host, port=0, protocol_config=config)
    server.listener.listen(server.backlog)  # start() does it as well, but only after READY
    threading.Thread(target=end_with_parent, daemon=True).start()
    print("READY " + json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
    server.start()


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    import server  # so that classes are called server.Point, not __main__.Point
    server.main()
