/* See net.h. */
#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "failed");
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int pin(int core) {
#ifdef __linux__
  if (core >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
  }
#else
  (void)core;
#endif
  return 0;
}

static void no_delay(int fd) {
  int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) die("TCP_NODELAY");
}

int listen_on(int *port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 64) || getsockname(fd, (struct sockaddr *)&address, &size)) die("listen");
  *port = ntohs(address.sin_port);
  return fd;
}

int accept_nodelay(int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) die("accept");
  no_delay(fd);
  return fd;
}

int connect_to(const char *host, int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1) die("address");
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  no_delay(fd);
  return fd;
}

void write_all(int fd, const void *data, size_t size) {
  const char *at = data;
  while (size) {
    ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) die("send");
    at += n;
    size -= (size_t)n;
  }
}

int read_all(int fd, void *data, size_t size) {
  char *at = data;
  while (size) {
    ssize_t n = recv(fd, at, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 && at == data) return 0;
    if (n <= 0) die("recv");
    at += n;
    size -= (size_t)n;
  }
  return 1;
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

void print_percentiles(uint64_t *samples, size_t count) {
  qsort(samples, count, sizeof *samples, ascending);
  printf("\"p50_ns\":%llu,\"p99_ns\":%llu,\"min_ns\":%llu", (unsigned long long)samples[count / 2],
         (unsigned long long)samples[count - 1 - count / 100], (unsigned long long)samples[0]);
}

long option(int argc, char **argv, const char *name, long otherwise) {
  for (int i = 1; i + 1 < argc; i++)
    if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, name)) return strtol(argv[i + 1], NULL, 10);
  return otherwise;
}

size_t put_frame(uint8_t *out, const uint8_t *payload, size_t size) {
  uint32_t length = htonl((uint32_t)size);
  memcpy(out, &length, 4);
  out[4] = 0;
  memmove(out + 5, payload, size);
  out[5 + size] = '\n';
  return size + FRAME_EXTRA;
}

size_t put_int(uint8_t *out, uint64_t value) {
  if (value < 160) {
    out[0] = (uint8_t)(0x50 + value); /* immediate: -48..159 are 0x20..0xef */
    return 1;
  }
  out[0] = 0x16; /* INT_L1: length, decimal digits */
  return 2 + (out[1] = (uint8_t)sprintf((char *)out + 2, "%llu", (unsigned long long)value));
}

size_t get_int(const uint8_t *data, size_t size, uint64_t *value) {
  *value = 0;
  if (size && data[0] >= 0x50 && data[0] < 0xf0) {
    *value = data[0] - 0x50u;
    return 1;
  }
  if (size < 2 || data[0] != 0x16 || size < 2u + data[1]) return 0;
  for (int i = 0; i < data[1]; i++) *value = *value * 10 + (data[2 + i] - '0');
  return 2u + data[1];
}

uint32_t get_u32(const uint8_t *data) { return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3]; }
