// LatencyHistogram: times in nanoseconds, 1 µs to 1 h, three significant digits, counted as HdrHistogram counts them. One
// owner; hot: record() is called several times for every record of a load.
//
// The layout is that of `lowest 1000, highest 3.6e12, 3 digits`, so that its V2 form can be added to any other of the run.

#ifndef RINGLOG_LOAD_LATENCY_HISTOGRAM_H
#define RINGLOG_LOAD_LATENCY_HISTOGRAM_H

#include <cstdint>
#include <memory>
#include <string>

namespace load {

class LatencyHistogram {
 public:
  static constexpr int64_t kLowestNs = 1000;
  static constexpr int64_t kHighestNs = 3'600'000'000'000;

  // Above an hour is counted as an hour: what lies in that last bucket is told as clamped.
  void record(int64_t ns) {
    if (ns > kHighestNs) ns = kHighestNs;
    const size_t index = index_of(static_cast<uint64_t>(ns));
    counts_[index]++;
    if (index >= used_) used_ = index + 1;
  }
  bool empty() const { return used_ == 0; }
  void reset();
  // V2, compressed, base64.
  std::string encode() const;

 private:
  static constexpr int kUnitMagnitude = 9;  // 2^9 ≤ 1000
  static constexpr int kHalfMagnitude = 10;
  static constexpr int kDigits = 3;
  static constexpr uint64_t kHalf = 1u << kHalfMagnitude;
  static constexpr uint64_t kMask = (2 * kHalf - 1) << kUnitMagnitude;
  static constexpr int kBuckets = 23;  // 2^(9 + 11 + 22) > kHighestNs
  static constexpr size_t kCounts = (kBuckets + 1) << kHalfMagnitude;

  static size_t index_of(uint64_t value) {
    const int bucket = 64 - __builtin_clzll(value | kMask) - kUnitMagnitude - (kHalfMagnitude + 1);
    const uint64_t sub = value >> (bucket + kUnitMagnitude);
    return ((static_cast<size_t>(bucket) + 1) << kHalfMagnitude) + sub - kHalf;
  }

  std::unique_ptr<uint64_t[]> counts_ = std::make_unique<uint64_t[]>(kCounts);
  // Counts from here on are zero.
  size_t used_ = 0;
};

}  // namespace load

#endif
