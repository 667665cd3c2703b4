"""Python's ends of the transport matrix, for RPyC 4.1 to 6.x: ``transports.py serve|client WAY OPTIONS_JSON``.

A server prints ``READY {"port": N}`` (or serves its standard streams) and ends with its parent. A client prints the ``checks`` that held
as a JSON list; over standard streams it writes them to the file ``result`` instead.
"""
import json
import os
import sys
import threading

import rpyc
from rpyc.utils.authenticators import SSLAuthenticator
from rpyc.utils.factory import connect_stdpipes, connect_subproc, unix_connect
from rpyc.utils.server import ThreadedServer

WAY, OPTIONS = sys.argv[2], json.loads(sys.argv[3])


class Service(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b

    def exposed_fail(self, text):
        raise ValueError(text)

    def exposed_call(self, function, value):
        return function(value) + 1

    def exposed_echo(self, data):
        return data

    def exposed_numbers(self, n):
        return iter(range(n))


def checks(root):
    held = []
    held += ["add"] * (root.add(5, 10) == 15)
    try:
        root.fail("on purpose")
    except ValueError as error:
        held += ["fail"] * ("on purpose" in str(error))
    held += ["call"] * (root.call(lambda value: value * 2, 20) == 41)
    data = os.urandom(1000000)
    held += ["echo"] * (root.echo(data) == data)
    held += ["numbers"] * (sum(root.numbers(50)) == 1225)
    return held


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def serve():
    if WAY == "subprocess":
        connect_stdpipes(Service).serve_all()
        return
    if WAY == "stdio":
        conn = connect_subproc(OPTIONS["command"], service=Service)
        conn.serve_all()
        conn.proc.wait()
        return
    options = {"hostname": "127.0.0.1"}
    if WAY == "ipv6":
        options = {"hostname": "::1", "ipv6": True}
    elif WAY == "unix":
        options = {"socket_path": OPTIONS["path"]}
    elif WAY in ("tls", "mutual tls"):
        options["authenticator"] = SSLAuthenticator(**OPTIONS["ssl"])
    server = ThreadedServer(Service, **options)
    server.listener.listen(server.backlog)
    threading.Thread(target=end_with_parent, daemon=True).start()
    print("READY " + json.dumps({"port": getattr(server, "port", 0)}), flush=True)
    server.start()


def connect():
    if WAY == "tcp":
        return rpyc.connect("127.0.0.1", OPTIONS["port"])
    if WAY == "ipv6":
        return rpyc.connect("::1", OPTIONS["port"], ipv6=True)
    if WAY == "unix":
        return unix_connect(OPTIONS["path"])
    if WAY in ("tls", "mutual tls"):
        return rpyc.ssl_connect("127.0.0.1", OPTIONS["port"], **OPTIONS["ssl"])
    if WAY == "ssh":
        from plumbum import SshMachine

        machine = SshMachine("127.0.0.1", user=OPTIONS["user"], port=OPTIONS["sshPort"], keyfile=OPTIONS["key"],
                             ssh_opts=OPTIONS["sshOptions"], scp_opts=OPTIONS["sshOptions"])
        return rpyc.ssh_connect(machine, OPTIONS["port"])
    if WAY == "subprocess":
        return connect_subproc(OPTIONS["command"])
    return connect_stdpipes()


def client():
    conn = connect()
    held = json.dumps(checks(conn.root))
    if WAY == "stdio":
        with open(OPTIONS["result"], "w") as file:
            file.write(held)
    else:
        print(held, flush=True)
    conn.close()
    if WAY == "ssh":
        os._exit(0)  # plumbum's machine would wait for its session


{"serve": serve, "client": client}[sys.argv[1]]()
