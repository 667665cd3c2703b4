/* pin CORE PROGRAM [ARGS]: runs a program on one core, for rivals that cannot pin themselves. */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: pin CORE PROGRAM [ARGS]\n"), 2;
  if (!pin(atoi(argv[1]))) die("sched_setaffinity");
  execvp(argv[2], argv + 2);
  die(argv[2]);
}
