// The stamp in every record: who sent it, which one it is, when it was due, and checksums. The layout is that of
// load/record-stamp.ts. Any thread; hot.

#ifndef RINGLOG_LOAD_RECORD_STAMP_H
#define RINGLOG_LOAD_RECORD_STAMP_H

#include <algorithm>
#include <string_view>

#include "sys/crc32c.h"
#include "wire.h"

namespace load {

constexpr size_t kStampBytes = 32;
constexpr size_t kSummedBytes = 28;
constexpr std::string_view kStampHeader = "rl";

struct Stamp {
  uint32_t run_id;
  uint32_t lane;
  uint32_t sequence;
  int64_t send_delay_ns;
  int64_t due_ns;
};

enum class StampFault { kNone, kForeign, kCorrupt };

inline void write_stamp(char* into, const Stamp& stamp, uint32_t body_checksum) {
  put32(into, stamp.run_id);
  put32(into + 4, stamp.lane);
  put32(into + 8, stamp.sequence);
  put32(into + 12, static_cast<uint32_t>(std::clamp<int64_t>((stamp.send_delay_ns + 500) / 1000, 0, UINT32_MAX)));
  put64(into + 16, static_cast<uint64_t>(stamp.due_ns));
  put32(into + 24, body_checksum);
  put32(into + kSummedBytes, ringlog::crc32c(into, kSummedBytes));
}

// What follows a stamp in the value, or all of it when the stamp is in a header.
inline uint32_t body_checksum(std::string_view value, bool stamp_in_value) {
  const size_t from = stamp_in_value ? kStampBytes : 0;
  return ringlog::crc32c(value.data() + from, value.size() - from);
}

// `header` is empty when the stamp is in the value. Bytes that do not add up are corrupt: with a run id that is not ours
// they may be anyone's, with the sum right they are another run's.
inline StampFault read_stamp(std::string_view value, std::string_view header, uint32_t run_id, Stamp& stamp) {
  const std::string_view bytes = header.empty() ? value : header;
  if (bytes.size() < kStampBytes) return StampFault::kForeign;
  const char* at = bytes.data();
  const bool whole = get32(at + kSummedBytes) == ringlog::crc32c(at, kSummedBytes);
  stamp.run_id = get32(at);
  if (stamp.run_id != run_id) return whole ? StampFault::kForeign : StampFault::kCorrupt;
  if (!whole || get32(at + 24) != body_checksum(value, header.empty())) return StampFault::kCorrupt;
  stamp.lane = get32(at + 4);
  stamp.sequence = get32(at + 8);
  stamp.send_delay_ns = int64_t{get32(at + 12)} * 1000;
  stamp.due_ns = static_cast<int64_t>(get64(at + 16));
  return StampFault::kNone;
}

}  // namespace load

#endif
