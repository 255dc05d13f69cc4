#include "sys/file_io.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

// Headers of the build machine may be older than the kernel it runs on.
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080
#endif

namespace ringlog {

int64_t write_all_at(int fd, iovec* vectors, int count, int64_t position) {
  int64_t total = 0;
  while (count > 0) {
    const ssize_t wrote = pwritev(fd, vectors, count, position + total);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    // A full disk shows as a short write first and as ENOSPC on the next call; zero would loop for ever.
    if (wrote == 0) return -EIO;
    total += wrote;
    size_t left = static_cast<size_t>(wrote);
    while (count > 0 && left >= vectors->iov_len) {
      left -= vectors->iov_len;
      vectors++;
      count--;
    }
    if (count > 0) {
      vectors->iov_base = static_cast<uint8_t*>(vectors->iov_base) + left;
      vectors->iov_len -= left;
    }
  }
  return total;
}

int64_t read_fully_at(int fd, void* into, size_t length, int64_t position, bool drop_behind) {
  size_t have = 0;
  int flags = drop_behind ? RWF_DONTCACHE : 0;
  while (have < length) {
    iovec vector{static_cast<uint8_t*>(into) + have, length - have};
    const ssize_t got = preadv2(fd, &vector, 1, position + static_cast<int64_t>(have), flags);
    if (got > 0) {
      have += static_cast<size_t>(got);
      continue;
    }
    if (got == 0) break;
    if (errno == EINTR) continue;
    if (flags != 0 && (errno == EOPNOTSUPP || errno == EINVAL)) {
      flags = 0;
      continue;
    }
    return -errno;
  }
  // Pages that were there before go too; but this was asked for because most were not.
  if (drop_behind && flags == 0 && have > 0) posix_fadvise(fd, position, static_cast<off_t>(have), POSIX_FADV_DONTNEED);
  return static_cast<int64_t>(have);
}

void stop_read_ahead(int fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); }

int64_t read_now_at(int fd, void* into, size_t length, int64_t position) {
  iovec vector{into, length};
  for (;;) {
    const ssize_t got = preadv2(fd, &vector, 1, position, RWF_NOWAIT);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP) break;
    return -errno;
  }
  for (;;) {
    const ssize_t got = pread(fd, into, length, position);
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

int64_t resident_bytes(int fd, int64_t position, int64_t length, bool* dirty) {
  struct Range {
    uint64_t offset, length;
  } range{static_cast<uint64_t>(position), static_cast<uint64_t>(length)};
  struct Stat {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } stat{};
  if (length <= 0) return 0;
  if (syscall(SYS_cachestat, fd, &range, &stat, 0) != 0) return -errno;
  if (dirty != nullptr) *dirty = stat.dirty + stat.writeback > 0;
  static const int64_t page = sysconf(_SC_PAGESIZE);
  // Pages at both ends count whole: trim to the range asked for.
  const int64_t bytes = static_cast<int64_t>(stat.cached) * page;
  const int64_t first = position / page;
  const int64_t last = (position + length - 1) / page;
  return static_cast<int64_t>(stat.cached) == last - first + 1 ? length : bytes < length ? bytes : length - 1;
}

int write_back(int fd, int64_t position, int64_t length) {
  for (;;) {
    if (sync_file_range(fd, position, length, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

int sync_data(int fd) {
  for (;;) {
    if (fdatasync(fd) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace ringlog
