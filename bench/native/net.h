/* What the C programs share: blocking loopback TCP, pinning, time, percentiles, and the little of RPyC 6.x that the canned
 * server and the load generator speak. Every failure ends the program with one line on stderr. */
#ifndef RPYC_BENCH_NET_H
#define RPYC_BENCH_NET_H

#include <stddef.h>
#include <stdint.h>

void die(const char *what);

uint64_t now_ns(void);

/* Pins this process to a core; a negative core leaves it free. Returns whether it is pinned. */
int pin(int core);

/* A listening socket on 127.0.0.1; *port 0 takes any and is set to the one taken. */
int listen_on(int *port);
int accept_nodelay(int listener);
int connect_to(const char *host, int port);

void write_all(int fd, const void *data, size_t size);

/* Reads exactly size bytes; returns 0 at an orderly end before the first of them. */
int read_all(int fd, void *data, size_t size);

/* Sorts the samples and prints `"p50_ns":…,"p99_ns":…,"min_ns":…`. */
void print_percentiles(uint64_t *samples, size_t count);

/* The value of `--name` on the command line, else the default. */
long option(int argc, char **argv, const char *name, long otherwise);

/* Big-endian length, flag 0, payload, flusher. Returns the size of the frame. */
size_t put_frame(uint8_t *out, const uint8_t *payload, size_t size);

/* Brine of an integer >= 0. Returns its size. */
size_t put_int(uint8_t *out, uint64_t value);

/* Size of the brine integer at data (which has size bytes left) and its value; 0 when there is none. */
size_t get_int(const uint8_t *data, size_t size, uint64_t *value);

uint32_t get_u32(const uint8_t *data);

enum { REQUEST = 1, REPLY = 2, EXCEPTION = 3 };
enum { HANDLE_CLOSE = 2, HANDLE_GETROOT = 3, HANDLE_CALLATTR = 8, HANDLE_INSPECT = 16 };
enum { FRAME_EXTRA = 6 };

#endif
