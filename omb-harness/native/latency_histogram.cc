// The V2 form of a histogram: a header, then counts as zig-zag varints, a negative one standing for that many zeros. Once an
// interval; not hot.

#include "latency_histogram.h"

#include <zlib.h>

#include <algorithm>

#include "failure.h"
#include "json.h"
#include "wire.h"

namespace load {

namespace {

constexpr int32_t kCookie = 0x1c849303 | 0x10;
constexpr int32_t kCompressedCookie = 0x1c849304 | 0x10;
constexpr uint64_t kRatioOne = 0x3ff0000000000000;  // 1.0
constexpr size_t kLengthAt = 4;

}  // namespace

void LatencyHistogram::reset() {
  std::fill_n(counts_.get(), used_, 0);
  used_ = 0;
}

std::string LatencyHistogram::encode() const {
  std::string plain;
  Writer writer(plain);
  writer.i32(kCookie);
  writer.i32(0);
  writer.i32(0);  // normalizing offset
  writer.i32(kDigits);
  writer.i64(kLowestNs);
  writer.i64(kHighestNs);
  writer.i64(static_cast<int64_t>(kRatioOne));
  const size_t header = plain.size();
  for (size_t i = 0; i < used_;) {
    if (counts_[i] != 0) {
      writer.uvarint(zigzag(static_cast<int64_t>(counts_[i++])));
      continue;
    }
    int64_t zeros = 0;
    for (; i < used_ && counts_[i] == 0; i++) zeros++;
    writer.uvarint(zigzag(-zeros));
  }
  put32(&plain[kLengthAt], static_cast<uint32_t>(plain.size() - header));
  uLongf length = compressBound(plain.size());
  std::string packed(length + 8, '\0');
  const auto* from = reinterpret_cast<const Bytef*>(plain.data());
  if (compress2(reinterpret_cast<Bytef*>(&packed[8]), &length, from, plain.size(), Z_BEST_SPEED) != Z_OK)
    throw Failure("a histogram could not be compressed");
  packed.resize(length + 8);
  put32(&packed[0], kCompressedCookie);
  put32(&packed[kLengthAt], static_cast<uint32_t>(length));
  return to_base64(packed);
}

}  // namespace load
