#ifndef CONVOY_WRITE_FILE_H
#define CONVOY_WRITE_FILE_H

#include "arguments.h"
#include "stat-record.h"

// host/posix.ts has their names.
enum step { step_open, step_write, step_owner, step_mode, step_times };

struct failure {
  int error;
  enum step step;
};

// What a new file becomes when its content is there.
struct finish {
  struct stat_block block;
  // Only root may give files away.
  uint32_t with_owner;
  uint32_t mode_mask;
};

// Takes the last two from two arguments.
bool take_finish(const struct call *call, size_t index, struct finish *finish);

// New, readable by nobody else, for reading and writing. Returns a descriptor, or -1 and errno.
int create_file(int directory, const char *name);

// Does all it can, and returns the first failure, or one with errno 0.
struct failure finish_file(int fd, const struct finish *finish);

// An Int32Array of two zeros for each of `count`.
napi_value make_results(napi_env env, size_t count, int32_t **results);

#endif
