"""Python's ends of the tests with TLS and tokens, for RPyC 4.1 to 6.x: ``secure.py serve|client OPTIONS_JSON``.

OPTIONS_JSON: ``ssl`` keyword arguments of SSLAuthenticator or rpyc.ssl_connect, ``token`` the source of docs/tls.md's Python halves,
``secret``, ``identity``. A server has peers/server.py's service (with ``classic``: SlaveService), prints ``READY {"port": N}`` and ends
with its parent. A client has ``port``, and ``checks`` as peers/client.py; what goes wrong while it connects is in ``out["failed"]``.
"""
import json
import os
import sys
import textwrap
import threading

import rpyc
from rpyc.core.stream import SocketStream
from rpyc.utils.authenticators import SSLAuthenticator
from rpyc.utils.server import ThreadedServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server as plain  # noqa: E402

OPTIONS = json.loads(sys.argv[2])
SSL = OPTIONS.get("ssl")
HALVES = {}
if OPTIONS.get("token"):
    exec(compile(OPTIONS["token"], "docs/tls.md", "exec"), HALVES)


class Service(plain.PeerService):
    def exposed_credentials(self):
        """The client's, as this server knows them."""
        return repr(self._conn._config["credentials"])


def authenticate(sock):
    credentials = None
    if SSL:
        sock, credentials = SSLAuthenticator(**SSL)(sock)
    if HALVES:
        sock, credentials = HALVES["token_authenticator"](OPTIONS["secret"].encode())(sock)
    return sock, credentials


def serve():
    service = rpyc.SlaveService if OPTIONS.get("classic") else Service
    listening = ThreadedServer(service, hostname="127.0.0.1", port=0, authenticator=authenticate)
    listening.listener.listen(listening.backlog)
    threading.Thread(target=plain.end_with_parent, daemon=True).start()
    print("READY " + json.dumps({"port": listening.port}), flush=True)
    listening.start()


def connect():
    port = OPTIONS["port"]
    if not HALVES:
        return rpyc.ssl_connect("127.0.0.1", port, **SSL)
    if SSL:
        stream = SocketStream.ssl_connect("127.0.0.1", port, dict(SSL, server_side=False))
    else:
        stream = SocketStream.connect("127.0.0.1", port)
    HALVES["prove_token"](stream.sock, OPTIONS["secret"].encode(), OPTIONS.get("identity", ""))
    return rpyc.connect_stream(stream)


def client():
    out = {}
    try:
        conn = connect()
        root = conn.root
    except Exception as error:
        out["failed"] = [type(error).__name__, str(error)]
    else:
        exec(compile(textwrap.dedent(OPTIONS["checks"]), "checks", "exec"), {"conn": conn, "root": root, "rpyc": rpyc, "out": out})
        conn.close()
    print(json.dumps(out, default=repr), flush=True)


{"serve": serve, "client": client}[sys.argv[1]]()
