"""The Python client of the interop tests: ``client.py PORT CHECKS [CONFIG_JSON]``.

Connects to 127.0.0.1:PORT, runs the Python text CHECKS with ``conn``, ``root``, ``rpyc`` and ``out`` in reach, and prints
``out`` as one line of JSON: tuples become lists, what JSON cannot hold becomes its repr.
An exception in CHECKS ends the program with its traceback.
"""
import json
import sys
import textwrap

import rpyc


def main():
    port, checks = int(sys.argv[1]), textwrap.dedent(sys.argv[2])
    config = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    conn = rpyc.connect("127.0.0.1", port, config=config)
    out = {}
    names = {"conn": conn, "root": conn.root, "rpyc": rpyc, "out": out, "raised": raised}
    exec(compile(checks, "checks", "exec"), names)
    print(json.dumps(out, default=repr), flush=True)
    conn.close()


def raised(action, *args, **kwargs):
    """``[class name, text]`` of what *action* raises, or None."""
    try:
        action(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]


if __name__ == "__main__":
    main()
