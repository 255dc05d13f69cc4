#include "sys/commit_write.h"

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "sys/aligned_buffer.h"
#include "sys/crc32c.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

thread_local AlignedBuffer buffer;

// Bytes gathered or -errno.
int64_t gather(const CommitWrite& commit, uint8_t* into) {
  std::memcpy(into, commit.head, commit.head_bytes);
  size_t at = commit.head_bytes;
  const double* piece = commit.pieces;
  for (uint32_t i = 0; i < commit.piece_count; i++, piece += 3) {
    const int fd = static_cast<int>(piece[0]);
    const auto length = static_cast<size_t>(piece[2]);
    RINGLOG_CHECK_OP(at + length, <=, commit.total_bytes);
    if (fd < 0) {
      std::memcpy(into + at, reinterpret_cast<const void*>(static_cast<uintptr_t>(piece[1])), length);
    } else {
      const int64_t got = read_fully_at(fd, into + at, length, static_cast<int64_t>(piece[1]), false);
      if (got < 0) return got;
      if (static_cast<size_t>(got) < length) return -EIO;
    }
    at += length;
  }
  return static_cast<int64_t>(at);
}

}  // namespace

int64_t write_commit(const CommitWrite& commit) {
  RINGLOG_CHECK_OP(commit.head_bytes, <=, commit.total_bytes);
  uint8_t* record = buffer.reserve(commit.total_bytes);
  if (record == nullptr) return -ENOMEM;
  const int64_t gathered = gather(commit, record);
  if (gathered < 0) return gathered;
  const auto bytes = static_cast<size_t>(gathered);
  std::memset(record + bytes, 0, commit.total_bytes - bytes);
  if (commit.head_bytes >= sizeof(uint32_t)) store_be32(record, crc32c(record + sizeof(uint32_t), bytes - sizeof(uint32_t)));
  iovec vector{record, commit.total_bytes};
  const int64_t wrote = write_all_at(commit.fd, &vector, 1, commit.position);
  if (wrote < 0) return wrote;
  return commit.sync ? sync_data(commit.fd) : 0;
}

}  // namespace ringlog
