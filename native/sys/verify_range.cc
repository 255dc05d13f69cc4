// The twin of src/net/reactor/verify-range.ts: both find the same, and the conformance suite holds them to it.

#include "sys/verify_range.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "sys/aligned_buffer.h"
#include "sys/crc32c.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

// Record batch v2: where its fields are.
constexpr int64_t kHeaderBytes = 61;
constexpr int64_t kLengthOverhead = 12;
constexpr size_t kLengthAt = 8;
constexpr size_t kMagicAt = 16;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kLastOffsetDeltaAt = 23;

thread_local AlignedBuffer range_buffer;

// The bytes at `position`, where they lie in the buffer; null with -errno in `error`.
const uint8_t* read_from_disk(int fd, int64_t position, int64_t length, int* error) {
  const int64_t align = static_cast<int64_t>(kDirectAlign);
  const int64_t start = position / align * align;
  const int64_t bytes = (position + length - start + align - 1) / align * align;
  uint8_t* into = range_buffer.reserve(static_cast<size_t>(bytes));
  if (into == nullptr) {
    *error = -ENOMEM;
    return nullptr;
  }
  // The same file once more, whatever its name is by now: the flag must not be set for whoever else uses the descriptor.
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const UniqueFd direct(::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC));
  int64_t got = -EINVAL;
  if (direct.valid()) got = read_fully_at(direct.get(), into, static_cast<size_t>(bytes), start, false);
  if (got == -EINVAL) {
    stop_read_ahead(fd);
    got = read_fully_at(fd, into, static_cast<size_t>(bytes), start, true);
  }
  *error = got < 0 ? static_cast<int>(got) : got < position + length - start ? -EIO : 0;
  return *error < 0 ? nullptr : into + (position - start);
}

}  // namespace

int verify_range(const VerifyRange& range, Verified* found) {
  *found = Verified{VerifyStatus::kOk, 0, range.min_offset, 0};
  const int64_t whole = range.end - range.position;
  const int64_t have = std::min(range.window_bytes, whole);
  int error = 0;
  const uint8_t* bytes = read_from_disk(range.fd, range.position, have, &error);
  if (bytes == nullptr) return error;
  // The last batch good so far that left a gap before it, and what was known in front of it.
  int64_t gap_at = -1;
  int64_t gap_offset = 0;
  int64_t last_at = -1;
  for (int64_t at = 0; at < have;) {
    const uint8_t* batch = bytes + at;
    if (have - at < kHeaderBytes) {
      if (have == whole) found->status = VerifyStatus::kShort;
      else if (at == 0) found->needed_bytes = kHeaderBytes;
      break;
    }
    const int64_t length = kLengthOverhead + static_cast<int32_t>(load_be32(batch + kLengthAt));
    const auto base = static_cast<int64_t>((static_cast<uint64_t>(load_be32(batch)) << 32) | load_be32(batch + 4));
    const auto delta = static_cast<int32_t>(load_be32(batch + kLastOffsetDeltaAt));
    if (batch[kMagicAt] != 2) found->status = VerifyStatus::kBadMagic;
    else if (length < kHeaderBytes) found->status = VerifyStatus::kBadLength;
    else if (length > whole - at) found->status = VerifyStatus::kShort;
    else if (delta < 0 || base < found->next_offset || base >= range.limit_offset - delta) found->status = VerifyStatus::kBadOffset;
    if (found->status == VerifyStatus::kBadOffset && delta >= 0 && base < found->next_offset && gap_at >= 0 && gap_at == last_at) {
      // Base offsets are outside the checksum: the one before, which jumped ahead, is as likely to be the wrong one.
      found->good_bytes = gap_at;
      found->next_offset = gap_offset;
    }
    if (found->status != VerifyStatus::kOk) break;
    if (length > have - at) {
      if (at == 0) found->needed_bytes = length;
      break;
    }
    const uint32_t crc = crc32c(batch + kAttributesAt, static_cast<size_t>(length) - kAttributesAt);
    if (crc != load_be32(batch + kCrcAt)) {
      found->status = VerifyStatus::kBadCrc;
      break;
    }
    if (base > found->next_offset) {
      gap_at = at;
      gap_offset = found->next_offset;
    }
    last_at = at;
    at += length;
    found->good_bytes = at;
    found->next_offset = base + delta + 1;
  }
  return 0;
}

}  // namespace ringlog
