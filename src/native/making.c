// What a restore makes.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arguments.h"
#include "module.h"
#include "write-file.h"

enum { permission_bits = 07777 };

bool take_finish(const struct call *call, size_t index, struct finish *finish) {
  return take_uint32(call, index, &finish->with_owner) && take_uint32(call, index + 1, &finish->mode_mask);
}

int create_file(int directory, const char *name) {
  int fd;
  do fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  return fd;
}

static void note(struct failure *first, enum step step, int result) {
  if (result != 0 && first->error == 0) *first = (struct failure){errno, step};
}

// More nanoseconds would be an order of their own: UTIME_NOW, UTIME_OMIT.
static bool is_time(struct timespec time) { return time.tv_nsec >= 0 && time.tv_nsec < 1000000000; }

static int refused(int error) {
  errno = error;
  return -1;
}

struct failure finish_file(int fd, const struct finish *finish) {
  const struct stat_block *block = &finish->block;
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, block->modified};
  struct failure first = {0, step_open};
  // First the owner: that takes the setuid bit away.
  if (finish->with_owner) note(&first, step_owner, fchown(fd, block->uid, block->gid));
  // Nobody else's setuid program may become ours.
  const uint32_t mask = finish->mode_mask & (first.error == 0 ? permission_bits : permission_bits & ~(S_ISUID | S_ISGID));
  note(&first, step_mode, fchmod(fd, block->mode & mask));
  note(&first, step_times, is_time(block->modified) ? futimens(fd, times) : refused(EINVAL));
  return first;
}

napi_value make_results(napi_env env, size_t count, int32_t **results) {
  napi_value bytes, array;
  void *data;
  if (napi_create_arraybuffer(env, count * 2 * sizeof **results, &data, &bytes) != napi_ok ||
      napi_create_typedarray(env, napi_int32_array, count * 2, bytes, 0, &array) != napi_ok)
    return NULL;
  memset(data, 0, count * 2 * sizeof **results);
  *results = data;
  return array;
}

// A directory and a name in it, which most of these begin with.
struct place {
  int directory;
  char name[name_bytes];
};

static bool take_place(const struct call *call, size_t index, struct place *place) {
  return take_descriptor(call, index, &place->directory) && take_name(call, index + 1, place->name);
}

napi_value createFileAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  if (!open_call(env, info, 2, &call) || !take_place(&call, 0, &place)) return NULL;
  return answer_result(env, create_file(place.directory, place.name));
}

// (fd, stat block, owners, mode mask). Nothing, or an Int32Array of errno and step.
napi_value finishFile(napi_env env, napi_callback_info info) {
  struct call call;
  int fd;
  struct bytes block;
  struct finish finish;
  int32_t *results;
  if (!open_call(env, info, 4, &call) || !take_descriptor(&call, 0, &fd) || !take_bytes(&call, 1, &block) ||
      !take_finish(&call, 2, &finish))
    return NULL;
  if (block.length < stat_block_bytes) {
    throw_type_error(env, "a stat block has 52 bytes");
    return NULL;
  }
  finish.block = read_block(block.data);
  const struct failure failure = finish_file(fd, &finish);
  if (failure.error == 0) return NULL;
  const napi_value array = make_results(env, 1, &results);
  if (array == NULL) return NULL;
  results[0] = failure.error;
  results[1] = failure.step;
  return array;
}

napi_value makeDirectoryAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  uint32_t mode;
  if (!open_call(env, info, 3, &call) || !take_place(&call, 0, &place) || !take_uint32(&call, 2, &mode)) return NULL;
  return answer_result(env, mkdirat(place.directory, place.name, mode & permission_bits));
}

// (target, parent, name)
napi_value symlinkAt(napi_env env, napi_callback_info info) {
  struct call call;
  char target[name_bytes];
  struct place place;
  if (!open_call(env, info, 3, &call) || !take_text(&call, 0, target) || !take_place(&call, 1, &place)) return NULL;
  return answer_result(env, symlinkat(target, place.directory, place.name));
}

// (parent, name, new parent, new name)
napi_value linkAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place from, to;
  if (!open_call(env, info, 4, &call) || !take_place(&call, 0, &from) || !take_place(&call, 2, &to)) return NULL;
  return answer_result(env, linkat(from.directory, from.name, to.directory, to.name, 0));
}

// (parent, name, mode with type, major, minor)
napi_value makeNodeAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  uint32_t mode, major_number, minor_number;
  if (!open_call(env, info, 5, &call) || !take_place(&call, 0, &place) || !take_uint32(&call, 2, &mode) ||
      !take_uint32(&call, 3, &major_number) || !take_uint32(&call, 4, &minor_number))
    return NULL;
  // The kernel has 12 and 20 bits for them.
  if (major_number >= 1 << 12 || minor_number >= 1 << 20) return answer(env, -EINVAL);
  const unsigned int device = (unsigned int)makedev(major_number, minor_number);
  // That of the C library differs between its versions.
  return answer_result(env, syscall(SYS_mknodat, place.directory, place.name, mode, device));
}

// Of a link itself.
napi_value setOwnerAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  uint32_t uid, gid;
  if (!open_call(env, info, 4, &call) || !take_place(&call, 0, &place) || !take_uint32(&call, 2, &uid) ||
      !take_uint32(&call, 3, &gid))
    return NULL;
  return answer_result(env, fchownat(place.directory, place.name, uid, gid, AT_SYMLINK_NOFOLLOW));
}

// There is no such call in older kernels, and none of them changes the mode of a link.
static int change_mode(const struct place *place, mode_t mode) {
  struct statx status;
  char path[64];
  const int fd = openat(place->directory, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = status_of_descriptor(fd, &status);
  if (error == 0 && S_ISLNK(status.stx_mode)) error = ELOOP;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (error == 0 && chmod(path, mode) != 0) error = errno;
  close(fd);
  return error;
}

napi_value setModeAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  uint32_t mode;
  if (!open_call(env, info, 3, &call) || !take_place(&call, 0, &place) || !take_uint32(&call, 2, &mode)) return NULL;
  return answer(env, -change_mode(&place, mode & permission_bits));
}

// (parent, name, seconds, nanoseconds): the time of modification, of a link itself.
napi_value setTimesAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  int64_t seconds;
  uint32_t nanoseconds;
  if (!open_call(env, info, 4, &call) || !take_place(&call, 0, &place) || !take_int64(&call, 2, &seconds) ||
      !take_uint32(&call, 3, &nanoseconds))
    return NULL;
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = nanoseconds}};
  if (!is_time(times[1])) return answer(env, -EINVAL);
  return answer_result(env, utimensat(place.directory, place.name, times, AT_SYMLINK_NOFOLLOW));
}

// (parent, name, new parent, new name): never replaces anything.
napi_value renameAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place from, to;
  if (!open_call(env, info, 4, &call) || !take_place(&call, 0, &from) || !take_place(&call, 2, &to)) return NULL;
  return answer_result(env, renameat2(from.directory, from.name, to.directory, to.name, RENAME_NOREPLACE));
}

// (parent, name, new parent, new name): a directory replaces only an empty one, or nothing.
napi_value renameDirectoryAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place from, to;
  struct statx status;
  if (!open_call(env, info, 4, &call) || !take_place(&call, 0, &from) || !take_place(&call, 2, &to)) return NULL;
  const int error = status_of_name(from.directory, from.name, &status);
  if (error != 0) return answer(env, -error);
  if (!S_ISDIR(status.stx_mode)) return answer(env, -ENOTDIR);
  return answer_result(env, renameat(from.directory, from.name, to.directory, to.name));
}

napi_value unlinkAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  if (!open_call(env, info, 2, &call) || !take_place(&call, 0, &place)) return NULL;
  return answer_result(env, unlinkat(place.directory, place.name, 0));
}

napi_value removeDirectoryAt(napi_env env, napi_callback_info info) {
  struct call call;
  struct place place;
  if (!open_call(env, info, 2, &call) || !take_place(&call, 0, &place)) return NULL;
  return answer_result(env, unlinkat(place.directory, place.name, AT_REMOVEDIR));
}
