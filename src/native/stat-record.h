// One file's status in 88 bytes, little endian. The first 52 are the stat block of a manifest, so that two can be compared at once.
#ifndef CONVOY_STAT_RECORD_H
#define CONVOY_STAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
  stat_block_bytes = 52,
  stat_record_bytes = 88,
  flag_mount_root = 1,
  flag_changed = 2,
  flag_xattrs = 4,
};

// Of a name in a directory, links not followed. Returns 0 or an errno.
int status_of_name(int directory, const char *name, struct statx *status);
int status_of_descriptor(int fd, struct statx *status);

void put_record(uint8_t *record, const struct statx *status, uint32_t flags);

// The size becomes what has been read.
void put_size(uint8_t *record, uint64_t size);

// All zero but for the errno.
void put_failure(uint8_t *record, int error);

// What is restored of a stat block.
struct stat_block {
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  uint64_t size;
  struct timespec modified;
};

struct stat_block read_block(const uint8_t *bytes);

#endif
