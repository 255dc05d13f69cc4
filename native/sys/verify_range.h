// Checks record batches of a segment as they are on the disk: below the page cache where the file system allows it, since a
// cached copy hides what has happened to the sectors. Any thread that may block; each has a buffer of its own.

#ifndef RINGLOG_SYS_VERIFY_RANGE_H
#define RINGLOG_SYS_VERIFY_RANGE_H

#include <cstdint>

namespace ringlog {

struct VerifyRange {
  int fd;
  // Where a batch begins.
  int64_t position;
  // Read no further than this from there; a batch that does not end within waits for the next call.
  int64_t window_bytes;
  // Batches end exactly here.
  int64_t end;
  // Offsets are at or above, and below.
  int64_t min_offset;
  int64_t limit_offset;
};

enum class VerifyStatus : int32_t { kOk = 0, kShort = 2, kBadLength = 3, kBadMagic = 4, kBadCrc = 5, kBadOffset = 6 };

struct Verified {
  VerifyStatus status;
  // Of whole batches found good, from `position` on.
  int64_t good_bytes;
  // The least offset of what follows them.
  int64_t next_offset;
  // Not 0: nothing was found because the first batch is longer than the window.
  int64_t needed_bytes;
};

// 0 or -errno; -EIO when the file ends before `end`.
int verify_range(const VerifyRange& range, Verified* found);

}  // namespace ringlog

#endif
