"""A ZeroMQ socket of libzmq for the tests of crates/zmtp, driven by the lines of crates/zmtp/examples/peer.rs.

    zmq_socket.py TYPE (bind|connect)=ADDRESS... [OPTION=VALUE...]

Reads `send HEX,HEX,...`, `subscribe HEX`, `cancel HEX`; prints `READY {"port": N}`, `recv HEX,...`, and libzmq's own events
(`event HANDSHAKE_SUCCEEDED`, ...). OPTION is a name of zmq's socket options; its value an int, or text. Ends when stdin does.
"""

import json
import os
import sys

import zmq
from zmq.utils.monitor import recv_monitor_message


def main(kind, *args):
    context = zmq.Context()
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    pairs = [arg.split("=", 1) for arg in args]
    for name, value in pairs:
        if name not in ("bind", "connect"):
            socket.setsockopt(getattr(zmq, name), int(value) if value.lstrip("-").isdigit() else value.encode())
    monitor = socket.get_monitor_socket(zmq.EVENT_ALL)
    port = 0
    for name, address in pairs:
        if name == "bind":
            port = socket.bind_to_random_port(address)
        elif name == "connect":
            socket.connect(address)
    print("READY", json.dumps({"port": port, "libzmq": zmq.zmq_version()}))

    poller = zmq.Poller()
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    if kind not in ("PUSH", "PUB"):
        poller.register(socket, zmq.POLLIN)
    pending = b""
    while True:
        ready = dict(poller.poll())
        if socket in ready:
            print("recv", ",".join(part.hex() for part in socket.recv_multipart()))
        if monitor in ready:
            print("event", zmq.Event(recv_monitor_message(monitor)["event"]).name)
        if sys.stdin.fileno() in ready:
            data = os.read(sys.stdin.fileno(), 1 << 20)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                name, _, rest = line.decode().partition(" ")
                if name == "send":
                    socket.send_multipart([bytes.fromhex(part) for part in rest.split(",")])
                elif name == "subscribe":
                    socket.subscribe(bytes.fromhex(rest))
                elif name == "cancel":
                    socket.unsubscribe(bytes.fromhex(rest))
                else:
                    raise ValueError(line)
    context.destroy(linger=0)


main(*sys.argv[1:])
