// What runs on the target beside Node (start.ts): the shell that unpacks, guards and cleans up, and the program that Python serves with. Texts only.

/** What a server of ours says when it listens: then the path of its socket, the interpreter that runs it, and its wire version, with tabs between. */
export const READY = 'RPYC-DEPLOYED ';

/**
 * Arguments: size of the archive, the program in it, then the interpreters to try. Standard input is the archive, and afterwards the lifeline:
 * at its end (our `close`, or ssh and everything before it lost) the server is ended, and killed 2 s later. Whatever ends the server, the
 * folder goes. One line, without single quotes: it becomes one word of whatever shell the target has.
 */
export const SESSION = [
  'umask 077',
  'say() { echo "$1" >&2; exit 1; }',
  'size=$1 program=$2',
  'shift 2',
  'p=',
  'for n in "$@"; do p=$(command -v "$n") && break; done',
  '[ -n "$p" ] || say "there is no $* on this machine (its PATH is $PATH)"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  'd=$(mktemp -d "${TMPDIR:-/tmp}/rpyc-XXXXXXXX") || say "no temporary folder can be made"',
  'trap "rm -rf \\"$d\\"" EXIT',
  'trap "exit 1" HUP INT TERM PIPE',
  'head -c "$size" | tar -xf - -C "$d" && [ -f "$d/complete" ] || say "the upload failed: is the disk of $d full?"',
  'exec 3<&0',
  '"$p" "$d/$program" "$d" </dev/null 3<&- & c=$!',
  '(cat <&3; kill $c; sleep 2; kill -9 $c) >/dev/null 2>&1 & w=$!',
  'exec 3<&-',
  // Without the line that a shell prints about a child that was killed.
  '{ wait $c; s=$?; } 2>/dev/null',
  'kill $w 2>/dev/null',
  'exit $s',
].join('; ');

/** Serves `service.py` beside it, or a SlaveService. `%CLASS%`: the server class. Runs on every Python that an RPyC of ours runs on. */
export const PYTHON_START = `
import importlib
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
path = os.path.join(here, "s")
try:
    import rpyc
except ImportError as error:
    sys.exit("%s on this machine has no rpyc (%s): install it there, name another Python with the option python, or upload one with rpycPath"
             % (sys.executable, error))
if len(path) > 100:
    sys.exit("the temporary folder %s is too long a path for a socket: set TMPDIR there" % here)

def choose():
    if not os.path.exists(os.path.join(here, "service.py")):
        return rpyc.SlaveService
    module = importlib.import_module("service")
    if hasattr(module, "service"):
        return module.service
    found = [each for each in vars(module).values()
             if isinstance(each, type) and issubclass(each, rpyc.Service) and each.__module__ == "service"]
    if len(found) != 1:
        sys.exit("the service module defines %d subclasses of rpyc.Service: name one of them service" % len(found))
    return found[0]

module, _, name = "%CLASS%".rpartition(".")
server = getattr(importlib.import_module(module), name)(choose(), socket_path=path)
server._listen()
wire = 6 if int(rpyc.version.version[0]) >= 6 else 5
sys.stdout.write("${READY}%s\\t%s\\t%d\\n" % (path, sys.executable, wire))
sys.stdout.flush()
server.start()
`.trimStart();
