"""A classic server of the interop tests: ``classic.py slave|classic [SOCKET]`` prints ``READY {"port": N}`` and serves SlaveService or
ClassicService on 127.0.0.1, or on a Unix socket. Ends with its parent: when stdin closes.
"""
import json
import os
import sys
import threading

from rpyc.core.service import ClassicService, SlaveService
from rpyc.utils.server import ThreadedServer


def until_parent_ends():
    sys.__stdin__.read()
    os._exit(0)


threading.Thread(target=until_parent_ends, daemon=True).start()
service = {"slave": SlaveService, "classic": ClassicService}[sys.argv[1]]
if len(sys.argv) > 2:
    server = ThreadedServer(service, socket_path=sys.argv[2])
else:
    server = ThreadedServer(service, hostname="127.0.0.1", port=0)
server.listener.listen(server.backlog)  # start() does it as well, but only after READY
print("READY " + json.dumps({"port": server.port}), flush=True)
server.start()
