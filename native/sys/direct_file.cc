#include "sys/direct_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr size_t kBounceBytes = 256 * 1024;
constexpr size_t kZeroBytes = 1024 * 1024;

struct FixedBuffer {
  uint8_t* data = nullptr;
  ~FixedBuffer() { std::free(data); }

  uint8_t* get(size_t bytes, bool zeroed) {
    if (data != nullptr) return data;
    data = static_cast<uint8_t*>(std::aligned_alloc(static_cast<size_t>(kDirectBlock), bytes));
    RINGLOG_CHECK(data != nullptr);
    if (zeroed) std::memset(data, 0, bytes);
    return data;
  }
};

int write_blocks(int direct_fd, const uint8_t* from, int64_t length, int64_t position) {
  while (length > 0) {
    const ssize_t wrote = ::pwrite(direct_fd, from, static_cast<size_t>(length), position);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return wrote < 0 ? -errno : -EIO;
    from += wrote;
    position += wrote;
    length -= wrote;
  }
  return 0;
}

}  // namespace

int open_direct(int fd) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int direct = ::open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
  return direct < 0 ? -errno : direct;
}

bool bypasses_page_cache(int direct_fd) {
  struct statfs status {};
  return ::fstatfs(direct_fd, &status) == 0 && status.f_type != TMPFS_MAGIC;
}

int reserve_blocks(int direct_fd, int64_t position, int64_t length) {
  for (;;) {
    if (::fallocate(direct_fd, 0, position, length) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

int write_zeros(int direct_fd, int64_t position, int64_t length) {
  static thread_local FixedBuffer zeros;
  uint8_t* const from = zeros.get(kZeroBytes, true);
  while (length > 0) {
    const int64_t step = std::min<int64_t>(length, kZeroBytes);
    if (const int failed = write_blocks(direct_fd, from, step, position); failed < 0) return failed;
    position += step;
    length -= step;
  }
  return 0;
}

int write_fences(int direct_fd, int64_t position, int64_t length) {
  static thread_local FixedBuffer fence;
  uint8_t* const block = fence.get(static_cast<size_t>(kDirectBlock), false);
  for (const int64_t end = position + length; position < end; position += kFenceStep) {
    // The whole of the block says what it is: one that was written over in part is none.
    for (int64_t at = 0; at < kDirectBlock; at += 16) {
      std::memcpy(block + at, "RLFENCE1", 8);
      for (int byte = 0; byte < 8; byte++) block[at + 8 + byte] = static_cast<uint8_t>(position >> (56 - 8 * byte));
    }
    if (const int failed = write_blocks(direct_fd, block, kDirectBlock, position); failed < 0) return failed;
  }
  return sync_data(direct_fd);
}

int64_t read_blocks_at(int direct_fd, void* into, size_t length, int64_t position) {
  size_t have = 0;
  while (have < length) {
    const ssize_t got = ::pread(direct_fd, static_cast<uint8_t*>(into) + have, length - have, position + static_cast<int64_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    have += static_cast<size_t>(got);
    // The end of the file: what is left is not aligned any more.
    if (got == 0 || got % kDirectBlock != 0) break;
  }
  return static_cast<int64_t>(have);
}

int64_t read_direct_at(int direct_fd, void* into, size_t length, int64_t position) {
  static thread_local FixedBuffer bounce;
  uint8_t* const buffer = bounce.get(kBounceBytes, false);
  size_t have = 0;
  while (have < length) {
    const int64_t at = position + static_cast<int64_t>(have);
    const int64_t start = block_floor(at);
    const auto skip = static_cast<size_t>(at - start);
    const auto wanted = static_cast<size_t>(block_ceil(at + static_cast<int64_t>(length - have)) - start);
    const ssize_t got = ::pread(direct_fd, buffer, std::min(wanted, kBounceBytes), start);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (static_cast<size_t>(got) <= skip) break;
    const size_t step = std::min(static_cast<size_t>(got) - skip, length - have);
    std::memcpy(static_cast<uint8_t*>(into) + have, buffer + skip, step);
    have += step;
    // A read that ends inside a block has met the end of the file.
    if (static_cast<size_t>(got) % static_cast<size_t>(kDirectBlock) != 0) break;
  }
  return static_cast<int64_t>(have);
}

}  // namespace ringlog
