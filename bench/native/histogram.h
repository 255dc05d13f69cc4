// A latency histogram with logarithmic buckets, as HdrHistogram does it: each power of two is cut into 128 equal parts,
// so a value is kept to better than 1 % over the whole range of nanoseconds to minutes, in fixed memory and without
// allocation. Hot: `record` is a shift and an increment.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>

class Histogram {
  static constexpr int kSubBits = 7;  // 128 parts a power of two
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  std::unique_ptr<uint64_t[]> counts_ = std::make_unique<uint64_t[]>(kBuckets);
  uint64_t total_ = 0, max_ = 0;
  double sum_ = 0;

  static size_t indexOf(uint64_t v) {
    if (v < (1u << kSubBits)) return v;
    int shift = 63 - __builtin_clzll(v) - kSubBits;
    return (static_cast<size_t>(shift + 1) << kSubBits) + ((v >> shift) & ((1u << kSubBits) - 1));
  }
  /** The largest value that falls into a bucket, so that a percentile is never flattered. */
  static uint64_t topOf(size_t index) {
    if (index < (1u << kSubBits)) return index;
    int shift = static_cast<int>(index >> kSubBits) - 1;
    uint64_t sub = (index & ((1u << kSubBits) - 1)) | (1u << kSubBits);
    return ((sub + 1) << shift) - 1;
  }

 public:
  void record(int64_t value) {
    auto v = static_cast<uint64_t>(std::max<int64_t>(value, 0));
    counts_[indexOf(v)]++;
    total_++;
    sum_ += static_cast<double>(v);
    max_ = std::max(max_, v);
  }
  uint64_t count() const { return total_; }
  uint64_t max() const { return max_; }
  double mean() const { return total_ ? sum_ / static_cast<double>(total_) : 0; }
  uint64_t percentile(double p) const {
    if (!total_) return 0;
    auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(p / 100 * static_cast<double>(total_))));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; i++)
      if ((seen += counts_[i]) >= rank) return std::min(topOf(i), max_);
    return max_;
  }
};
