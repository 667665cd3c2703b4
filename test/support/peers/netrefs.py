"""``server.py`` with what the tests of references need besides: ``netrefs.py [CONFIG_JSON]``.

Counts the requests that arrive, by handler; has context managers, coroutines, a gate that holds an answer back, and a relay
to another server (RPyC over RPyC). Works with RPyC 4.1 to 6.x.
"""
import asyncio
import threading

import server
from rpyc.core import consts, protocol

NAMES = {value: name[7:] for name, value in vars(consts).items() if name.startswith("HANDLE_")}
REQUESTS = []
GATE = threading.Event()
original = protocol.Connection._dispatch_request


def counted(self, seq, raw_args):
    REQUESTS.append(NAMES[raw_args[0]])
    return original(self, seq, raw_args)


protocol.Connection._dispatch_request = counted


class Managed:
    """A context manager that remembers what happened to it."""

    def __init__(self, suppress=False, fail_enter=False):
        self.suppress = suppress
        self.fail_enter = fail_enter
        self.events = []

    def __enter__(self):
        self.events.append("enter")
        if self.fail_enter:
            raise ValueError("no entry")
        return self

    def __exit__(self, exc, typ, tb):
        self.events.append("exit" if exc is None else "exit with an error")
        return self.suppress

    def exposed_told(self):
        return tuple(self.events)


class Item:
    """Has an attribute that is in the instance only."""

    def __init__(self, value):
        self.exposed_value = value

    def exposed_get(self):
        return self.exposed_value


class NetrefService(server.PeerService):
    def exposed_requests(self):
        """Names of the requests that arrived since the last look, this one apart."""
        seen = tuple(REQUESTS[:-1])
        del REQUESTS[:]
        return seen

    def exposed_managed(self, suppress=False, fail_enter=False):
        return Managed(suppress, fail_enter)

    def exposed_make_items(self, n):
        return [Item(i) for i in range(n)]

    def exposed_each_item(self, n):
        return (Item(i) for i in range(n))

    # coroutines

    async def exposed_fetch(self, value):
        await asyncio.sleep(0)
        return value * 2

    async def exposed_fail(self, text):
        await asyncio.sleep(0)
        raise ValueError(text)

    async def exposed_fetch_item(self, value):
        return Item(value)

    def exposed_run(self, coroutine):
        return asyncio.run(coroutine)

    # answers that come late

    def exposed_behind_gate(self, value):
        """Answers when somebody opens the gate."""
        GATE.wait()
        GATE.clear()
        return [value]

    def exposed_open_gate(self):
        GATE.set()


class Public(NetrefService):
    """What a chained client may see: public and exposed names, and a secret."""


server.PeerService = NetrefService

if __name__ == "__main__":
    server.main()
