#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arguments.h"
#include "module.h"

// What getdents64(2) fills in.
struct entry {
  uint64_t ino;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

enum { read_bytes = 256 * 1024 };

// More is refused: four million names of the longest kind.
static const size_t most_bytes = (size_t)1 << 30;

// Names one after another, each with a 0 at its end.
struct names {
  char *bytes;
  size_t length;
  size_t capacity;
  size_t count;
};

static int append(struct names *names, const char *name) {
  const size_t length = strlen(name) + 1;
  if (names->length + length > names->capacity) {
    const size_t capacity = 2 * names->capacity + 4096;
    char *bytes = capacity > most_bytes ? NULL : realloc(names->bytes, capacity);
    if (bytes == NULL) return ENOMEM;
    names->bytes = bytes;
    names->capacity = capacity;
  }
  memcpy(names->bytes + names->length, name, length);
  names->length += length;
  names->count++;
  return 0;
}

static int append_entries(struct names *names, const char *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    const struct entry *entry = (const struct entry *)(const void *)(bytes + at);
    const bool is_other = strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0;
    // Older kernels hand on what a broken file system says.
    const int error = !is_other ? 0 : is_name(entry->name) ? append(names, entry->name) : EIO;
    if (error != 0) return error;
    at += entry->length;
  }
  return 0;
}

static int read_directory(int directory, struct names *names) {
  // It may have been read before.
  if (lseek(directory, 0, SEEK_SET) < 0) return errno;
  char *bytes = malloc(read_bytes);
  if (bytes == NULL) return ENOMEM;
  int error = 0;
  while (error == 0) {
    const long length = syscall(SYS_getdents64, directory, bytes, read_bytes);
    if (length == 0) break;
    if (length < 0)
      error = errno == EINTR ? 0 : errno;
    else
      error = append_entries(names, bytes, (size_t)length);
  }
  free(bytes);
  return error;
}

// strcmp compares bytes as unsigned.
static int compare(const void *left, const void *right) { return strcmp(*(const char *const *)left, *(const char *const *)right); }

// Without those that a directory which changes meanwhile tells twice.
static const char **sorted(struct names *names) {
  const char **order = malloc((names->count + 1) * sizeof *order);
  if (order == NULL) return NULL;
  const char *name = names->bytes;
  for (size_t i = 0; i < names->count; i++, name += strlen(name) + 1) order[i] = name;
  if (names->count > 0) qsort(order, names->count, sizeof *order, compare);
  size_t count = 0;
  for (size_t i = 0; i < names->count; i++)
    if (count == 0 || strcmp(order[count - 1], order[i]) != 0) order[count++] = order[i];
  names->count = count;
  return order;
}

// One Buffer: names as in a packed list, in order; how many there are is told by the second element.
static napi_value to_list(napi_env env, const struct names *names, const char *const *order) {
  napi_value list;
  void *data;
  size_t length = 0;
  for (size_t i = 0; i < names->count; i++) length += strlen(order[i]) + 1;
  const napi_value buffer = make_buffer(env, length, &data);
  if (buffer == NULL || napi_create_array_with_length(env, 2, &list) != napi_ok) return NULL;
  char *at = data;
  for (size_t i = 0; i < names->count; i++) at = stpcpy(at, order[i]) + 1;
  napi_set_element(env, list, 0, buffer);
  napi_set_element(env, list, 1, answer(env, (int64_t)names->count));
  return list;
}

napi_value readNames(napi_env env, napi_callback_info info) {
  struct call call;
  int directory;
  struct names names = {NULL, 0, 0, 0};
  const char **order = NULL;
  if (!open_call(env, info, 1, &call) || !take_descriptor(&call, 0, &directory)) return NULL;
  int error = read_directory(directory, &names);
  if (error == 0 && (order = sorted(&names)) == NULL) error = ENOMEM;
  const napi_value result = error == 0 ? to_list(env, &names, order) : answer(env, -error);
  free(order);
  free(names.bytes);
  return result;
}
