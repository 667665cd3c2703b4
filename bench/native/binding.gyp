# The C floor: what the machine can do without any of us. One executable per file (Unix only).
{
  "target_defaults": {
    "cflags": ["-O2", "-Wall", "-Wextra", "-std=gnu11"],
    "sources": ["net.c"],
  },
  "targets": [
    { "target_name": "pingpong", "type": "executable", "sources": ["pingpong.c"] },
    { "target_name": "canned", "type": "executable", "sources": ["canned.c"] },
    { "target_name": "load", "type": "executable", "sources": ["load.c"] },
    { "target_name": "pin", "type": "executable", "sources": ["pin.c"] },
  ],
}
