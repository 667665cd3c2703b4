"""The Python twin of ``idioms-server.ts``: the same service for the table of test/interop/idioms.test.ts, ``idioms.py [CONFIG_JSON]``.

Has what netrefs.py has besides, so that requests can be counted. Works with RPyC 4.1 to 6.x.
"""
import netrefs
import server


class Spot:
    """A point whose methods are exposed, for the default policy."""

    def __init__(self, x, y):
        self.exposed_x = x
        self.exposed_y = y
        self.exposed_length = "own"

    def exposed_norm(self):
        return (self.exposed_x ** 2 + self.exposed_y ** 2) ** 0.5

    def exposed_scale(self, by):
        return Spot(self.exposed_x * by, self.exposed_y * by)

    @property
    def exposed_twin(self):
        return Spot(self.exposed_x, self.exposed_y)

    def __str__(self):
        return "Spot(%d, %d)" % (self.exposed_x, self.exposed_y)


class Sized(list):
    """A list that has a length of its own: idioms are for the builtin only."""
    exposed_length = "own"


class IdiomService(netrefs.NetrefService):
    def exposed_numbers(self, n):
        return list(range(n))

    def exposed_words(self):
        return ["pear", "apple", "fig"]

    def exposed_nested(self):
        return [1, [2, [3, [4]]], (5, 6)]

    def exposed_cyclic(self):
        items = [1]
        items.append(items)
        return items

    def exposed_spot(self, x, y):
        return Spot(x, y)

    def exposed_spots(self, n):
        return [Spot(i, 0) for i in range(n)]

    def exposed_pair(self):
        return (7, Spot(3, 4))

    def exposed_name(self):
        return "hello"

    def exposed_nothing(self):
        return None

    def exposed_bytes(self):
        return b"abc"

    def exposed_table(self):
        return {"spot": Spot(6, 8), "n": 1}

    def exposed_adder(self, a):
        return lambda b, c=0: a + b + c

    def exposed_fail(self, text):
        raise ValueError(text)

    def exposed_stream(self, n):
        return (i * 10 for i in range(n))

    def exposed_sized(self):
        return Sized([1, 2])


server.PeerService = IdiomService

if __name__ == "__main__":
    server.main()
