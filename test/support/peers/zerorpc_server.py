"""A real zerorpc server for the tests: calls, streams and failures. Prints READY {"port": N}."""

import json
import sys

import gevent
import zerorpc


class Service:
    def add(self, a, b):
        return a + b

    def echo(self, value):
        return value

    def fail(self):
        raise ValueError("bad value: café")

    def slow(self, seconds):
        gevent.sleep(seconds)
        return "done"

    @zerorpc.stream
    def count(self, n):
        return iter(range(n))

    @zerorpc.stream
    def count_fail(self, n):
        for i in range(n):
            yield i
        raise RuntimeError("after %d" % n)


server = zerorpc.Server(Service(), heartbeat=float(sys.argv[1]))
server.bind("tcp://127.0.0.1:0")
endpoint = server._events._socket.getsockopt_string(zerorpc.zmq.LAST_ENDPOINT)
print("READY", json.dumps({"port": int(endpoint.rsplit(":", 1)[1])}), flush=True)
server.run()
