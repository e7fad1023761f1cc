#include "stat-record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "arguments.h"
#include "module.h"

// Headers older than Linux 5.8.
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are copied as the machine has them");

static int status_of(int directory, const char *name, int flags, struct statx *status) {
  return statx(directory, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, status) == 0 ? 0 : errno;
}

int status_of_name(int directory, const char *name, struct statx *status) { return status_of(directory, name, 0, status); }

int status_of_descriptor(int fd, struct statx *status) { return status_of(fd, "", AT_EMPTY_PATH, status); }

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
  memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value) {
  memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

enum { offset_size = 20, offset_errno = 84 };

void put_record(uint8_t *record, const struct statx *status, uint32_t flags) {
  uint8_t *at = record;
  at = put_u32(at, status->stx_mode);
  at = put_u32(at, status->stx_uid);
  at = put_u32(at, status->stx_gid);
  at = put_u64(at, status->stx_ino);
  at = put_u64(at, status->stx_size);
  at = put_u64(at, (uint64_t)status->stx_mtime.tv_sec);
  at = put_u32(at, status->stx_mtime.tv_nsec);
  at = put_u64(at, (uint64_t)status->stx_ctime.tv_sec);
  at = put_u32(at, status->stx_ctime.tv_nsec);
  at = put_u64(at, makedev(status->stx_dev_major, status->stx_dev_minor));
  at = put_u32(at, status->stx_nlink);
  at = put_u32(at, status->stx_rdev_major);
  at = put_u32(at, status->stx_rdev_minor);
  at = put_u64(at, status->stx_blocks);
  at = put_u32(at, flags | (status->stx_attributes & STATX_ATTR_MOUNT_ROOT ? flag_mount_root : 0));
  put_u32(at, 0);
}

void put_size(uint8_t *record, uint64_t size) { put_u64(record + offset_size, size); }

void put_failure(uint8_t *record, int error) {
  memset(record, 0, stat_record_bytes);
  put_u32(record + offset_errno, (uint32_t)error);
}

struct stat_block read_block(const uint8_t *bytes) {
  struct stat_block block;
  int64_t seconds;
  uint32_t nanoseconds;
  memcpy(&block.mode, bytes, 4);
  memcpy(&block.uid, bytes + 4, 4);
  memcpy(&block.gid, bytes + 8, 4);
  memcpy(&block.size, bytes + offset_size, 8);
  memcpy(&seconds, bytes + 28, 8);
  memcpy(&nanoseconds, bytes + 36, 4);
  block.modified = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
  return block;
}

napi_value statFd(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  struct statx status;
  void *record;
  if (!open_call(env, info, 1, &call) || !take_descriptor(&call, 0, &fd)) return NULL;
  const int error = status_of_descriptor(fd, &status);
  if (error != 0) return answer(env, -error);
  const napi_value buffer = make_buffer(env, stat_record_bytes, &record);
  if (buffer != NULL) put_record(record, &status, 0);
  return buffer;
}

static void put_name(uint8_t *record, int directory, const char *name) {
  struct statx status;
  const int error = status_of_name(directory, name, &status);
  if (error == 0)
    put_record(record, &status, 0);
  else
    put_failure(record, error);
}

napi_value statNames(napi_env env, napi_callback_info info) {
  struct call call;
  int directory;
  uint32_t count;
  void *records;
  char name[name_bytes];
  if (!open_call(env, info, 2, &call) || !take_descriptor(&call, 0, &directory)) return NULL;
  if (napi_get_array_length(env, call.arguments[1], &count) != napi_ok) {
    throw_type_error(env, "an array of names is needed");
    return NULL;
  }
  const napi_value buffer = make_buffer(env, (size_t)count * stat_record_bytes, &records);
  if (buffer == NULL) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    napi_handle_scope scope;
    napi_value element;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return NULL;
    const bool is_name = napi_get_element(env, call.arguments[1], i, &element) == napi_ok && to_name(env, element, name);
    napi_close_handle_scope(env, scope);
    if (!is_name) return NULL;
    put_name((uint8_t *)records + (size_t)i * stat_record_bytes, directory, name);
  }
  return buffer;
}

// (directory, names, count)
napi_value statPackedNames(napi_env env, napi_callback_info info) {
  struct call call;
  int directory;
  uint32_t count;
  struct packed_names names;
  char name[name_bytes];
  void *records;
  if (!open_call(env, info, 3, &call) || !take_descriptor(&call, 0, &directory) || !take_uint32(&call, 2, &count) ||
      !take_packed_names(&call, 1, count, &names))
    return NULL;
  const napi_value buffer = make_buffer(env, (size_t)count * stat_record_bytes, &records);
  if (buffer == NULL) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t *record = (uint8_t *)records + (size_t)i * stat_record_bytes;
    if (next_name(&names, name))
      put_name(record, directory, name);
    else
      put_failure(record, EINVAL);
  }
  return buffer;
}
