#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "module.h"
#include "open-file.h"
#include "stat-record.h"
#include "write-file.h"
#include "xattrs.h"

// Stops at the end of the file, or when `length` bytes are there. Returns 0 or an errno.
static int read_fully(int fd, uint8_t *into, size_t length, size_t *read_bytes) {
  for (*read_bytes = 0; *read_bytes < length;) {
    const ssize_t count = read(fd, into + *read_bytes, length - *read_bytes);
    if (count == 0) return 0;
    if (count > 0)
      *read_bytes += (size_t)count;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

static bool is_same_time(struct statx_timestamp left, struct statx_timestamp right) {
  return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
}

static bool has_changed(const struct statx *before, const struct statx *after) {
  return before->stx_size != after->stx_size || !is_same_time(before->stx_mtime, after->stx_mtime) ||
         !is_same_time(before->stx_ctime, after->stx_ctime);
}

// `limit` for every file, `space` for this one.
static int read_open_file(int fd, size_t limit, struct bytes space, uint8_t *record, size_t *read_bytes) {
  struct statx before, after;
  int error = status_of_descriptor(fd, &before);
  if (error != 0) return error;
  if (!S_ISREG(before.stx_mode)) return ESTALE;
  if (before.stx_size > limit) return EFBIG;
  if (before.stx_size > space.length) return ENOBUFS;
  if ((error = read_fully(fd, space.data, before.stx_size, read_bytes)) != 0) return error;
  const uint32_t xattrs = may_have_xattrs(fd) ? flag_xattrs : 0;
  if ((error = status_of_descriptor(fd, &after)) != 0) return error;
  const bool is_changed = *read_bytes != before.stx_size || has_changed(&before, &after);
  put_record(record, &after, xattrs | (is_changed ? flag_changed : 0));
  put_size(record, *read_bytes);
  return 0;
}

static size_t read_file(int directory, const char *name, size_t limit, struct bytes space, uint8_t *record) {
  size_t read_bytes = 0;
  const int fd = open_file(directory, name);
  const int error = fd < 0 ? errno : read_open_file(fd, limit, space, record, &read_bytes);
  if (fd >= 0) close(fd);
  if (error == 0) return read_bytes;
  put_failure(record, error);
  return 0;
}

// (directories, names, limit, into)
napi_value readFilesAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct descriptors directories;
  struct packed_names names;
  uint32_t limit;
  struct bytes into;
  char name[name_bytes];
  void *records;
  if (!open_call(env, info, 4, &call) || !take_descriptors(&call, 0, &directories) ||
      !take_packed_names(&call, 1, directories.count, &names) || !take_uint32(&call, 2, &limit) || !take_bytes(&call, 3, &into))
    return NULL;
  const napi_value buffer = make_buffer(env, directories.count * stat_record_bytes, &records);
  if (buffer == NULL) return NULL;
  for (size_t i = 0; i < directories.count; i++) {
    uint8_t *record = (uint8_t *)records + i * stat_record_bytes;
    if (!next_name(&names, name)) {
      put_failure(record, EINVAL);
      continue;
    }
    const size_t count = read_file(directories.fds[i], name, limit, into, record);
    into.data += count;
    into.length -= count;
  }
  return buffer;
}

static int write_fully(int fd, const uint8_t *from, size_t length) {
  while (length > 0) {
    const ssize_t count = write(fd, from, length);
    if (count < 0 && errno != EINTR) return errno;
    if (count > 0) {
      from += count;
      length -= (size_t)count;
    }
  }
  return 0;
}

static struct failure write_file(int directory, const char *name, struct bytes content, const struct finish *finish) {
  const int fd = create_file(directory, name);
  if (fd < 0) return (struct failure){errno, step_open};
  const int error = write_fully(fd, content.data, content.length);
  const struct failure failure = error != 0 ? (struct failure){error, step_write} : finish_file(fd, finish);
  // What a network file system could not write it may tell only here.
  if (close(fd) != 0 && failure.error == 0) return (struct failure){errno, step_write};
  return failure;
}

struct writing {
  struct descriptors directories;
  struct packed_names names;
  struct bytes blocks;
  struct bytes data;
  struct offsets offsets;
  struct finish finish;
};

static bool take_writing(const struct call *call, struct writing *it) {
  if (!take_descriptors(call, 0, &it->directories) || !take_packed_names(call, 1, it->directories.count, &it->names) ||
      !take_bytes(call, 2, &it->blocks) || !take_bytes(call, 3, &it->data) || !take_offsets(call, 4, &it->offsets) ||
      !take_finish(call, 5, &it->finish))
    return false;
  const size_t count = it->directories.count;
  return (it->offsets.count == count && it->blocks.length == count * stat_block_bytes) ||
         throw_type_error(call->env, "each file needs a stat block and an offset");
}

static struct failure write_next(struct writing *it, size_t index) {
  char name[name_bytes];
  it->finish.block = read_block(it->blocks.data + index * stat_block_bytes);
  const uint64_t size = it->finish.block.size;
  const uint32_t offset = it->offsets.values[index];
  if (!next_name(&it->names, name) || offset > it->data.length || size > it->data.length - offset)
    return (struct failure){EINVAL, step_write};
  return write_file(it->directories.fds[index], name, (struct bytes){it->data.data + offset, size}, &it->finish);
}

// (directories, names, blocks, data, offsets, owners, mode mask). Nothing, or an Int32Array of errno and step of each file. The
// contents lie in `data`, each from its offset and as long as its block says.
napi_value writeFilesAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct writing it;
  if (!open_call(env, info, 7, &call) || !take_writing(&call, &it)) return NULL;
  int32_t *results = NULL;
  napi_value array = NULL;
  for (size_t i = 0; i < it.directories.count; i++) {
    const struct failure failure = write_next(&it, i);
    if (failure.error == 0) continue;
    if (results == NULL && (array = make_results(env, it.directories.count, &results)) == NULL) return NULL;
    results[2 * i] = failure.error;
    results[2 * i + 1] = failure.step;
  }
  return array;
}
