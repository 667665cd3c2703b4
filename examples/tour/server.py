"""A stock RPyC service for the tour: `python server.py [PORT]` prints `listening on PORT` and serves. Nothing here knows of Node."""
import os
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer


class Account:
    """An object that stays here; clients hold references to it."""

    def __init__(self, owner):
        self.owner = owner
        self.balance = 0

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("a deposit of %r" % (amount,))
        self.balance += amount
        return self.balance

    def __len__(self):
        return self.balance

    def __repr__(self):
        return "Account(%r, %r)" % (self.owner, self.balance)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        print("the account of %s is put away" % self.owner, flush=True)


class Tour(rpyc.Service):
    exposed_Account = Account
    exposed_version = rpyc.__version__

    def exposed_add(self, a, b):
        return a + b

    def exposed_words(self, text, sep=None):
        return text.split(sep)

    def exposed_count(self, n):
        for i in range(n):
            yield i

    def exposed_apply(self, function, *args, **kwargs):
        return function(*args, **kwargs)

    def exposed_summary(self, basket):
        """*basket* is an object of the client; here it is like a dict."""
        return "%d things, %d pieces: %s" % (len(basket), sum(basket[name] for name in basket), ", ".join(sorted(basket)))


def main():
    config = {"allow_public_attrs": True, "allow_setattr": True}
    server = ThreadedServer(
        Tour, hostname="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0, protocol_config=config
    )
    server.listener.listen(server.backlog)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print("listening on %d" % server.port, flush=True)
    server.start()


if __name__ == "__main__":
    main()
