/* The floor of a blocking call: two processes, loopback TCP, blocking send and recv, nothing else.
 * pingpong [--request 64] [--reply 64] [--count 50000] [--core -1] [--server-core core]; a core of -1 leaves them free.
 * Prints one line of JSON. */
#include "net.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  size_t request = (size_t)option(argc, argv, "request", 64), reply = (size_t)option(argc, argv, "reply", 64);
  size_t count = (size_t)option(argc, argv, "count", 50000), warmup = count / 10;
  int core = (int)option(argc, argv, "core", -1), server_core = (int)option(argc, argv, "server-core", core);
  char *buffer = calloc(1, request > reply ? request : reply);
  uint64_t *samples = malloc(count * sizeof *samples);
  int port = 0, listener = listen_on(&port);
  if (!request || !reply || !count || !buffer || !samples) die("arguments");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    pin(server_core);
    int fd = accept_nodelay(listener);
    while (read_all(fd, buffer, request)) write_all(fd, buffer, reply);
    _exit(0);
  }
  int pinned = pin(core);
  int fd = connect_to("127.0.0.1", port);
  uint64_t start = 0;
  for (size_t i = 0; i < warmup + count; i++) {
    uint64_t before = now_ns();
    if (i == warmup) start = before;
    write_all(fd, buffer, request);
    if (!read_all(fd, buffer, reply)) die("server ended");
    if (i >= warmup) samples[i - warmup] = now_ns() - before;
  }
  uint64_t total = now_ns() - start;
  close(fd);
  waitpid(child, NULL, 0);
  printf("{\"name\":\"pingpong\",\"request\":%zu,\"reply\":%zu,\"count\":%zu,\"pinned\":%s,\"ns_per_round_trip\":%.1f,", request, reply,
         count, pinned ? "true" : "false", (double)total / (double)count);
  print_percentiles(samples, count);
  printf("}\n");
  return 0;
}
