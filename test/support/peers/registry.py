"""A real RPyC registry: ``registry.py UDP|TCP [PORT] [LISTING] [PRUNING]`` prints ``READY {"port": N}`` and answers, on 127.0.0.1.

PORT 0, the default, takes a free one. LISTING is 0 or 1 (RPyC 4 has none), PRUNING seconds. Ends with its parent: when stdin closes.
"""
import json
import os
import sys
import threading

from rpyc.utils.registry import TCPRegistryServer, UDPRegistryServer


def main():
    kind = {"UDP": UDPRegistryServer, "TCP": TCPRegistryServer}[sys.argv[1]]
    port, listing, pruning = (sys.argv[2:] + ["0", "0", "240"][len(sys.argv) - 2:])[:3]
    options = {"allow_listing": True} if listing == "1" else {}
    server = kind(host="127.0.0.1", port=int(port), pruning_timeout=float(pruning), **options)

    def end_with_parent():
        sys.stdin.read()
        os._exit(0)
    threading.Thread(target=end_with_parent, daemon=True).start()
    print("READY " + json.dumps({"port": server.port}), flush=True)
    server.start()


if __name__ == "__main__":
    main()
