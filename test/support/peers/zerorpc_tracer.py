"""A real zerorpc server with the tracer of zerorpc's own tests (test_middleware.py). Argument: endpoint of another server, whose `where` it calls.

`where` answers with the trace_id that its request carried.
"""

import json
import sys

import gevent.local
import zerorpc


class Tracer:
    """Carries a trace_id from task to task."""

    def __init__(self):
        self._local = gevent.local.local()

    @property
    def trace_id(self):
        return getattr(self._local, "trace_id", None)

    def load_task_context(self, event_header):
        self._local.trace_id = event_header.get("trace_id")

    def get_task_context(self):
        return {"trace_id": self.trace_id} if self.trace_id is not None else {}


context = zerorpc.Context()
tracer = Tracer()
context.register_middleware(tracer)
other = zerorpc.Client(sys.argv[1], context=context)


class Service:
    def where(self):
        return tracer.trace_id

    def where_there(self):
        return other.where()


server = zerorpc.Server(Service(), context=context)
server.bind("tcp://127.0.0.1:0")
endpoint = server._events._socket.getsockopt_string(zerorpc.zmq.LAST_ENDPOINT)
print("READY", json.dumps({"port": int(endpoint.rsplit(":", 1)[1])}), flush=True)
server.run()
