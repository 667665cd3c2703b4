/* An RPyC 6.x server that knows one answer: GETROOT gives a root, INSPECT add, CALLATTR 15, all else None.
 * The floor for a client of ours, and the check that a client is not slowed by the server.
 * canned [--port 0] [--core -1] prints READY {"port":N} and serves each connection in a process of its own, until its
 * stdin ends. Answers that are ready together leave in one send. */
#include "net.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN = 1 << 16, OUT = 1 << 20 };

static const uint8_t ROOT[] = "\x11\x54\x12\x08\x0e\x0b"
                              "canned.Root\x51\x51"; /* (4, ("canned.Root", 1, 1)) */

static const uint8_t METHODS[] = "\x10\x11\x08\x0c" "add\0"; /* (("add", None),) */

/* Appends the answer to one payload; returns its size, or 0 for a request to close. */
static size_t answer(const uint8_t *payload, size_t size, uint8_t *out) {
  uint64_t seq, handler;
  size_t seq_size, at;
  uint8_t reply[64];
  if (size < 4 || payload[0] != REQUEST || payload[1] != 0x11) die("not a 6.x request");
  seq_size = get_int(payload + 2, size - 2, &seq);
  at = 2 + seq_size;
  if (!seq_size || at + 1 >= size || payload[at] != 0x11 || !get_int(payload + at + 1, size - at - 1, &handler)) die("odd request");
  if (handler == HANDLE_CLOSE) return 0;
  reply[0] = REPLY;
  memcpy(reply + 1, payload + 1, 1 + seq_size);
  at = 2 + seq_size;
  if (handler == HANDLE_GETROOT) {
    memcpy(reply + at, ROOT, sizeof ROOT - 1);
    at += sizeof ROOT - 1;
  } else {
    reply[at++] = 0x11;
    reply[at++] = 0x51; /* label 1: a value */
    if (handler == HANDLE_INSPECT) {
      memcpy(reply + at, METHODS, sizeof METHODS - 1);
      at += sizeof METHODS - 1;
    } else
      reply[at++] = handler == HANDLE_CALLATTR ? 0x5f : 0x00;
  }
  return put_frame(out, reply, at);
}

static void serve(int fd) {
  uint8_t *in = malloc(IN), *out = malloc(OUT);
  size_t have = 0;
  if (!in || !out) die("malloc");
  for (;;) {
    ssize_t n = recv(fd, in + have, IN - have, 0);
    size_t at = 0, put = 0;
    if (n <= 0) return;
    have += (size_t)n;
    while (have - at >= 5 && have - at >= FRAME_EXTRA + (size_t)get_u32(in + at)) {
      size_t size = get_u32(in + at), added = answer(in + at + 5, size, out + put);
      if (!added) return;
      put += added;
      at += size + FRAME_EXTRA;
      if (put > OUT - 256) {
        write_all(fd, out, put);
        put = 0;
      }
    }
    write_all(fd, out, put);
    memmove(in, in + at, have -= at);
    if (have == IN) die("frame too large for a canned answer");
  }
}

int main(int argc, char **argv) {
  int port = (int)option(argc, argv, "port", 0), core = (int)option(argc, argv, "core", -1);
  int listener = listen_on(&port);
  char drop[256];
  pin(core);
  signal(SIGCHLD, SIG_IGN);
  printf("READY {\"port\":%d}\n", port);
  fflush(stdout);
  for (;;) {
    struct pollfd wait[] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents && read(0, drop, sizeof drop) <= 0) return 0;
    if (!wait[0].revents) continue;
    int fd = accept_nodelay(listener);
    if (fork() == 0) {
      close(listener);
      serve(fd);
      _exit(0);
    }
    close(fd);
  }
}
