#include "xattrs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "arguments.h"
#include "module.h"

// The kernel allows no more of a list, nor of a value.
enum { most_bytes = 65536, little_bytes = 1024 };

// An open file, or a path that is used without following a link at its end: that of a name in an open directory.
struct subject {
  int fd;
  const char *path;
};

enum { path_bytes = name_bytes + 64 };

static const char *path_of(int directory, const char *name, char path[path_bytes]) {
  snprintf(path, path_bytes, "/proc/self/fd/%d/%s", directory, name);
  return path;
}

static ssize_t list(struct subject it, char *names, size_t length) {
  return it.path == NULL ? flistxattr(it.fd, names, length) : llistxattr(it.path, names, length);
}

static ssize_t get(struct subject it, const char *name, void *value, size_t length) {
  return it.path == NULL ? fgetxattr(it.fd, name, value, length) : lgetxattr(it.path, name, value, length);
}

bool may_have_xattrs(int fd) {
  const ssize_t length = flistxattr(fd, NULL, 0);
  return length > 0 || (length < 0 && errno != ENOTSUP);
}

static napi_value copied(napi_env env, const void *bytes, size_t length) {
  void *data;
  const napi_value buffer = make_buffer(env, length, &data);
  if (buffer != NULL && length > 0) memcpy(data, bytes, length);
  return buffer;
}

static bool add_pair(napi_env env, napi_value array, const char *name, struct bytes value) {
  napi_value pair;
  uint32_t length;
  const napi_value first = copied(env, name, strlen(name));
  const napi_value second = first == NULL ? NULL : copied(env, value.data, value.length);
  return second != NULL && napi_create_array_with_length(env, 2, &pair) == napi_ok &&
         napi_set_element(env, pair, 0, first) == napi_ok && napi_set_element(env, pair, 1, second) == napi_ok &&
         napi_get_array_length(env, array, &length) == napi_ok && napi_set_element(env, array, length, pair) == napi_ok;
}

// An array of name and value, or a negative errno.
static napi_value read_values(napi_env env, struct subject it, const char *names, size_t length) {
  napi_value array;
  uint8_t *value = malloc(most_bytes);
  if (value == NULL) return answer(env, -ENOMEM);
  if (napi_create_array(env, &array) != napi_ok) array = NULL;
  for (const char *name = names; array != NULL && name < names + length; name += strlen(name) + 1) {
    const ssize_t got = get(it, name, value, most_bytes);
    // Another process may have taken it away meanwhile.
    if (got < 0 && errno == ENODATA) continue;
    if (got < 0)
      array = answer_result(env, got);
    else if (!add_pair(env, array, name, (struct bytes){value, (size_t)got}))
      array = NULL;
    if (got < 0) break;
  }
  free(value);
  return array;
}

// Undefined when there are none.
static napi_value read_xattrs(napi_env env, struct subject it) {
  char little[little_bytes];
  char *names = little;
  ssize_t length = list(it, names, sizeof little - 1);
  if (length < 0 && errno == ERANGE) {
    names = malloc(most_bytes + 1);
    if (names == NULL) return answer(env, -ENOMEM);
    length = list(it, names, most_bytes);
  }
  napi_value result = NULL;
  // A file system in user space may leave the last 0 out.
  if (length > 0) names[length] = 0;
  if (length > 0)
    result = read_values(env, it, names, (size_t)length);
  else if (length < 0 && errno != ENOTSUP)
    result = answer_result(env, length);
  if (names != little) free(names);
  return result;
}

napi_value getXattrs(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  if (!open_call(env, info, 1, &call) || !take_descriptor(&call, 0, &fd)) return NULL;
  return read_xattrs(env, (struct subject){fd, NULL});
}

// (parent, name)
napi_value getXattrsAt(napi_env env, napi_callback_info info) {
  struct call call;
  int parent;
  char name[name_bytes], path[path_bytes];
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &parent) || !take_name(&call, 1, name)) return NULL;
  return read_xattrs(env, (struct subject){-1, path_of(parent, name, path)});
}

// (fd, attribute, value)
napi_value setXattr(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  char attribute[name_bytes];
  struct bytes value;
  if (!open_call(env, info, 3, &call) || !take_descriptor(&call, 0, &fd) || !take_text(&call, 1, attribute) ||
      !take_bytes(&call, 2, &value))
    return NULL;
  return answer_result(env, fsetxattr(fd, attribute, value.data, value.length, 0));
}

// (parent, name, attribute, value): of a link itself.
napi_value setXattrAt(napi_env env, napi_callback_info info) {
  struct call call;
  int parent;
  char name[name_bytes], path[path_bytes], attribute[name_bytes];
  struct bytes value;
  if (!open_call(env, info, 4, &call) || !take_descriptor(&call, 0, &parent) || !take_name(&call, 1, name) ||
      !take_text(&call, 2, attribute) || !take_bytes(&call, 3, &value))
    return NULL;
  return answer_result(env, lsetxattr(path_of(parent, name, path), attribute, value.data, value.length, 0));
}

// (fd, attribute)
napi_value removeXattr(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  char attribute[name_bytes];
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &fd) || !take_text(&call, 1, attribute)) return NULL;
  return answer_result(env, fremovexattr(fd, attribute));
}
