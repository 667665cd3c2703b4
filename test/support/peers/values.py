"""``netrefs.py`` with values that ``rpyc.value`` copies: ``values.py [CONFIG_JSON]``. Works with RPyC 4.1 to 6.x."""
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import re
import socket
import typing
import uuid

import netrefs

EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30, seconds=15, microseconds=7))


class Color(enum.Enum):
    RED = 1
    NAME = 'it\'s "red"\n\u00e9\u4e2d'
    PAIR = (1, "x")
    LIST = [1]
    FLOAT = 1.5
    NONE = None
    BIG = 2 ** 70
    BYTES = b"\x00'a"


class Number(enum.IntEnum):
    ONE = 1


class Permission(enum.Flag):
    R = 4
    W = 2


class Text(str, enum.Enum):
    A = "aa"


class Silent(enum.Enum):
    """Its repr does not show the value."""
    A = [1]

    def __repr__(self):
        return "silent"


@dataclasses.dataclass
class Point:
    x: int
    y: str = "d, x='"
    kind: typing.ClassVar[int] = 9
    scale: dataclasses.InitVar[int] = 3
    tags: list = dataclasses.field(default_factory=list)

    @property
    def computed(self):
        return 1

    def norm(self):
        return 3


@dataclasses.dataclass
class Exposed:
    exposed_x: int


@dataclasses.dataclass(frozen=True)
class Slotted:
    __slots__ = ("a",)
    a: int


@dataclasses.dataclass
class Quiet:
    """A repr of its own, and an attribute that is no field."""
    a: int
    b: int = 2

    def __repr__(self):
        return "it's quiet("


@dataclasses.dataclass
class Empty:
    pass


@dataclasses.dataclass(eq=False)
class Holding:
    """Hashable whatever it holds."""
    exposed_held: object


Pair = collections.namedtuple("Pair", "left right")


class Row(typing.NamedTuple):
    """Has a docstring."""
    id: int
    name: str = "n"


class Odd(collections.namedtuple("Odd", "a")):
    def __repr__(self):
        return "odd"


class Plain:
    held = Holding(1)  # so that what contains it is no value on the wire


def lying(module, name, text="garbage", **methods):
    """An object whose class claims to be another."""
    members = {"__module__": module, "__str__": lambda self: text}
    members.update(methods)
    return type(name, (object,), members)()


def cyclic_frozenset():
    holding = Holding(None)
    holding.exposed_held = frozenset([holding])
    return holding.exposed_held


def cyclic_dataclass():
    holding = Holding(None)
    holding.exposed_held = [holding]
    return holding


def cyclic_list():
    made = [1]
    made.append({"me": made})
    return made


def ladder(n):
    """Each list holds the next, and the outermost all: shallow for whoever looks at the outermost first."""
    rungs = [[] for _ in range(n)]
    for at in range(n - 1):
        rungs[at].append(rungs[at + 1])
    return rungs


def frozen_ladder(n):
    rungs = [frozenset([Plain.held])]
    while len(rungs) < n:
        rungs.append(frozenset([rungs[-1]]))
    return rungs[::-1]


def lying_ladder(n):
    """Deeper than any real frozenset could be: RPyC drops the connection over those."""
    rungs = [lying("builtins", "frozenset", __iter__=lambda self: iter([1]))]
    while len(rungs) < n:
        rungs.append(lying("builtins", "frozenset", __iter__=lambda self, below=rungs[-1]: iter([below])))
    return rungs[::-1]


def nested(n):
    made = []
    for _ in range(n):
        made = [made]
    return made


SAMPLES = {
    "map": lambda: {"a": 1, 2: "two", "list": [1]},
    "plain": lambda: {"a": 1, "b": "two"},
    "empty": lambda: {},
    "large": lambda: {"k%d" % i: i for i in range(200)},
    "set": lambda: {1, "x"},
    "list": lambda: [1],
    "point": lambda: Plain(),
    "hostileMap": lambda: {"__proto__": {"polluted": 1}, "constructor": 2},
}


class ValueService(netrefs.NetrefService):
    exposed_table = {"k": "v"}

    def exposed_sample(self, name):
        """What tests of views ask for; peers/node-server.ts has the same."""
        return SAMPLES[name]()

    exposed_keep = exposed_sample

    def exposed_make(self, text):
        """The value of an expression over the names of this module."""
        return eval(text, globals())

    def exposed_about_date(self, date):
        """What Python can do with a JavaScript Date that it was given."""
        read = datetime.datetime.fromisoformat(date.isoformat())
        return (type(date).__name__, read.isoformat(), date.timestamp(), float(date), str(date), repr(read.tzinfo))

    def exposed_date_fields(self, date):
        return (date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond, date.weekday())


netrefs.server.PeerService = ValueService

if __name__ == "__main__":
    import values  # so that classes are called values.Point
    values.netrefs.server.main()
