#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "module.h"
#include "open-file.h"

napi_value openRoot(napi_env env, napi_callback_info info) {
  struct call call;
  char path[name_bytes];
  if (!open_call(env, info, 1, &call) || !take_text(&call, 0, path)) return NULL;
  return answer_result(env, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// The name may be "..": who climbs knows where to.
static bool take_step(const struct call *call, size_t index, char name[name_bytes]) {
  return take_text(call, index, name) &&
         (is_name(name) || strcmp(name, "..") == 0 || throw_type_error(call->env, "a name is no path, and not \".\""));
}

napi_value openDirectoryAt(napi_env env, napi_callback_info info) {
  struct call call;
  int parent;
  char name[name_bytes];
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &parent) || !take_step(&call, 1, name)) return NULL;
  return answer_result(env, openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int open_file(int directory, const char *name) {
  // Never blocks on a FIFO, and never follows a link.
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  int fd;
  do {
    fd = openat(directory, name, flags | O_NOATIME);
    // Only its owner and root may leave a file's access time alone.
    if (fd < 0 && errno == EPERM) fd = openat(directory, name, flags);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

napi_value openFileAt(napi_env env, napi_callback_info info) {
  struct call call;
  int parent;
  char name[name_bytes];
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &parent) || !take_name(&call, 1, name)) return NULL;
  return answer_result(env, open_file(parent, name));
}

napi_value closeFd(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  if (!open_call(env, info, 1, &call) || !take_descriptor(&call, 0, &fd)) return NULL;
  return answer_result(env, close(fd));
}

static napi_value seek(napi_env env, napi_callback_info info, int whence) {
  struct call call;
  int fd;
  int64_t offset;
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &fd) || !take_int64(&call, 1, &offset)) return NULL;
  return answer_result(env, lseek(fd, offset, whence));
}

napi_value nextData(napi_env env, napi_callback_info info) { return seek(env, info, SEEK_DATA); }

napi_value nextHole(napi_env env, napi_callback_info info) { return seek(env, info, SEEK_HOLE); }

napi_value syncFileSystem(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  if (!open_call(env, info, 1, &call) || !take_descriptor(&call, 0, &fd)) return NULL;
  return answer_result(env, syncfs(fd));
}

napi_value readLinkAt(napi_env env, napi_callback_info info) {
  struct call call;
  int parent;
  char name[name_bytes];
  char target[2 * name_bytes];
  void *data;
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &parent) || !take_name(&call, 1, name)) return NULL;
  const ssize_t length = readlinkat(parent, name, target, sizeof target);
  if (length < 0) return answer_result(env, length);
  if ((size_t)length == sizeof target) return answer(env, -ENAMETOOLONG);
  const napi_value buffer = make_buffer(env, (size_t)length, &data);
  if (buffer != NULL) memcpy(data, target, (size_t)length);
  return buffer;
}
