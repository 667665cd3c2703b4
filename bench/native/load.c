/* A load generator against an RPyC 6.x server: GETROOT once, then CALLATTR add(5, 10) with N requests in flight.
 * load --port P [--inflight 64] [--count 100000] [--core -1]; every reply is checked (15). With --inflight 1 it is a
 * blocking client in C. Requests that may go out together leave in one send. Prints one line of JSON. */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 18 };

static uint8_t in[BUFFER], out[BUFFER];
static size_t have, taken; /* received bytes, and how many of them are used: taken <= have */

/* The next whole frame's payload; what the last call gave is gone. */
static uint8_t *next_payload(int fd, size_t *size) {
  for (;;) {
    if (have - taken >= 5 && have - taken >= FRAME_EXTRA + (size_t)get_u32(in + taken)) {
      uint8_t *payload = in + taken + 5;
      *size = get_u32(in + taken);
      if (in[taken + 4]) die("compressed reply");
      taken += *size + FRAME_EXTRA;
      return payload;
    }
    memmove(in, in + taken, have -= taken);
    taken = 0;
    if (have == BUFFER) die("frame too large");
    ssize_t n = recv(fd, in + have, BUFFER - have, 0);
    if (n <= 0) die("server ended");
    have += (size_t)n;
  }
}

/* Checks that a payload is the reply 02 11 seq …; returns what follows the seq. */
static const uint8_t *reply_content(const uint8_t *payload, size_t size, uint64_t *seq, size_t *left) {
  size_t n = size > 2 && payload[0] == REPLY && payload[1] == 0x11 ? get_int(payload + 2, size - 2, seq) : 0;
  if (!n) {
    fprintf(stderr, "not a reply: kind %d, %zu bytes\n", size ? payload[0] : -1, size);
    exit(1);
  }
  *left = size - 2 - n;
  return payload + 2 + n;
}

static size_t put_request(uint8_t *at, uint64_t seq, const uint8_t *content, size_t size) {
  uint8_t payload[512];
  size_t n = 2;
  payload[0] = REQUEST;
  payload[1] = 0x11;
  n += put_int(payload + n, seq);
  memcpy(payload + n, content, size);
  return put_frame(at, payload, n + size);
}

int main(int argc, char **argv) {
  size_t inflight = (size_t)option(argc, argv, "inflight", 64), count = (size_t)option(argc, argv, "count", 100000);
  size_t warmup = count / 10, total = count + warmup, sent = 0, done = 0, size, left;
  int core = (int)option(argc, argv, "core", -1), pinned = pin(core);
  uint64_t *since = malloc((total + 1) * sizeof *since), *samples = malloc(count * sizeof *samples), seq, start = 0;
  if (!inflight || inflight > 1024 || !count || !since || !samples) die("arguments");
  int fd = connect_to("127.0.0.1", (int)option(argc, argv, "port", 0));

  static const uint8_t getroot[] = "\x11\x53\x11\x51\x02"; /* (3, (1, ())) */
  write_all(fd, out, put_request(out, 0, getroot, sizeof getroot - 1));
  const uint8_t *payload = next_payload(fd, &size), *root = reply_content(payload, size, &seq, &left);
  if (left < 4 || left > 300 || root[0] != 0x11 || root[1] != 0x54) die("GETROOT gave no object");

  uint8_t call[400]; /* (8, (2, ((3, id_pack), (1, "add"), (1, (5, 10)), (1, ())))) */
  size_t n = 0;
  memcpy(call, "\x11\x58\x11\x52\x13\x11\x53", 7), n = 7;
  memcpy(call + n, root + 2, left - 2), n += left - 2;
  memcpy(call + n, "\x11\x51\x08\x0c" "add" "\x11\x51\x11\x55\x5a" "\x11\x51\x02", 15), n += 15;

  while (done < total) {
    size_t put = 0;
    while (sent < total && sent - done < inflight && put < BUFFER - 1024) {
      put += put_request(out + put, sent + 1, call, n);
      since[++sent] = now_ns();
    }
    if (put) write_all(fd, out, put);
    do { /* everything that has arrived, then the next requests */
      payload = next_payload(fd, &size);
      const uint8_t *content = reply_content(payload, size, &seq, &left);
      if (left != 3 || memcmp(content, "\x11\x51\x5f", 3) || !seq || seq > sent) die("the reply is not 15");
      if (done == warmup) start = now_ns();
      if (done >= warmup) samples[done - warmup] = now_ns() - since[seq];
      done++;
    } while (done < sent && have - taken >= 5 && have - taken >= FRAME_EXTRA + (size_t)get_u32(in + taken));
  }
  double seconds = (double)(now_ns() - start) / 1e9;
  static const uint8_t close_request[] = "\x11\x52\x11\x51\x02";
  write_all(fd, out, put_request(out, sent + 1, close_request, sizeof close_request - 1));
  close(fd);
  printf("{\"name\":\"load\",\"inflight\":%zu,\"count\":%zu,\"pinned\":%s,\"calls_per_s\":%.0f,\"ns_per_call\":%.1f,", inflight, count,
         pinned ? "true" : "false", (double)count / seconds, seconds * 1e9 / (double)count);
  print_percentiles(samples, count);
  printf("}\n");
  return 0;
}
