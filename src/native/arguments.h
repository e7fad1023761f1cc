// What JavaScript hands over, checked. Whoever calls with the wrong kind of argument gets a TypeError; what the system refuses is
// returned as a negative errno, and host/posix.ts makes an error of it.
#ifndef CONVOY_ARGUMENTS_H
#define CONVOY_ARGUMENTS_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { most_arguments = 8, name_bytes = 4096 };

struct call {
  napi_env env;
  napi_value arguments[most_arguments];
};

struct bytes {
  uint8_t *data;
  size_t length;
};

struct descriptors {
  const int32_t *fds;
  size_t count;
};

struct offsets {
  const uint32_t *values;
  size_t count;
};

// Each of these throws a TypeError and returns false for what is not what it takes.
bool open_call(napi_env env, napi_callback_info info, size_t count, struct call *call);
bool take_descriptor(const struct call *call, size_t index, int *fd);
bool take_uint32(const struct call *call, size_t index, uint32_t *value);
bool take_int64(const struct call *call, size_t index, int64_t *value);
bool take_bytes(const struct call *call, size_t index, struct bytes *bytes);
bool take_descriptors(const struct call *call, size_t index, struct descriptors *descriptors);
bool take_offsets(const struct call *call, size_t index, struct offsets *offsets);

// Any bytes that end before the first 0: a path, the target of a link, the name of an attribute.
bool take_text(const struct call *call, size_t index, char text[name_bytes]);

// One name of a directory: no path, and neither "." nor "..", so that nothing leads out of the directory.
bool take_name(const struct call *call, size_t index, char name[name_bytes]);
bool is_name(const char *text);
bool to_name(napi_env env, napi_value value, char name[name_bytes]);

// Names that each end with a 0 byte, one after another.
struct packed_names {
  const char *next;
  const char *end;
};

// Throws unless there are `count` names.
bool take_packed_names(const struct call *call, size_t index, size_t count, struct packed_names *names);

// Copies it, because other threads may share the memory. False when one of them has broken it.
bool next_name(struct packed_names *names, char name[name_bytes]);

bool throw_type_error(napi_env env, const char *message);

napi_value answer(napi_env env, int64_t value);

// What a system call returned, or -errno. Nothing may come between the two.
napi_value answer_result(napi_env env, int64_t result);

// NULL, with an exception, when there is no memory.
napi_value make_buffer(napi_env env, size_t length, void **data);

#endif
