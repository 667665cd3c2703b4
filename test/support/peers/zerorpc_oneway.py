"""Real zerorpc without answers. Arguments: Puller; Pusher ENDPOINT; Subscriber ENDPOINT; Publisher ENDPOINT.

Puller and Subscriber print what `note` was called with, as JSON; Pusher calls note(0, "note") ... note(99, "note"), fail() and nosuch();
Publisher calls note("news", N) again and again.
"""

import json
import sys

import gevent
import zerorpc


class Methods:
    def note(self, *args):
        print(json.dumps(args), flush=True)


def port(socket):
    return int(socket._events._socket.getsockopt_string(zerorpc.zmq.LAST_ENDPOINT).rsplit(":", 1)[1])


kind, endpoints = sys.argv[1], sys.argv[2:]
if kind == "Puller":
    end = zerorpc.Puller(Methods())
    end.bind("tcp://127.0.0.1:0")
    print("READY", json.dumps({"port": port(end)}), flush=True)
    end.run()
elif kind == "Subscriber":
    end = zerorpc.Subscriber(Methods())
    end.connect(endpoints[0])
    print("READY", flush=True)
    end.run()
else:
    end = getattr(zerorpc, kind)()
    end.connect(endpoints[0])
    print("READY", flush=True)
    if kind == "Pusher":
        for number in range(100):
            end.note(number, "note")
        end.fail()
        end.nosuch()
        gevent.sleep(30)
    for number in range(1000):
        end.note("news", number)
        gevent.sleep(0.02)
