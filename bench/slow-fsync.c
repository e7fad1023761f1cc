// Delays fsync and fdatasync by 500 ms while the file named by SLOW_FSYNC exists.
// cc -shared -fPIC -o slow-fsync.so slow-fsync.c
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void delay(void) {
  const char *path = getenv("SLOW_FSYNC");
  if (path == NULL || access(path, F_OK) != 0) return;
  struct timespec left = {0, 500 * 1000 * 1000};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int forward(const char *name, int fd) {
  delay();
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return next(fd);
}

int fsync(int fd) { return forward("fsync", fd); }
int fdatasync(int fd) { return forward("fdatasync", fd); }
