// SequenceSet: which sequences of a lane were seen: disjoint ranges, one while nothing is missing. One owner; hot in its
// first branch only.

#ifndef RINGLOG_LOAD_SEQUENCE_SET_H
#define RINGLOG_LOAD_SEQUENCE_SET_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace load {

struct SequenceRange {
  int64_t from;
  int64_t to;
};

class SequenceSet {
 public:
  // False when it was there already.
  bool add(int64_t sequence) {
    if (!ranges_.empty() && ranges_.back().to == sequence) {
      ranges_.back().to++;
      return true;
    }
    if (ranges_.empty() || sequence > ranges_.back().to) {
      ranges_.push_back({sequence, sequence + 1});
      return true;
    }
    return insert(sequence);
  }
  void add_range(int64_t from, int64_t to) {
    if (!ranges_.empty() && ranges_.back().to == from) ranges_.back().to = std::max(to, ranges_.back().to);
    else
      for (int64_t sequence = from; sequence < to; sequence++) add(sequence);
  }
  const std::vector<SequenceRange>& ranges() const { return ranges_; }
  // Those below `to` that are not in the set.
  std::vector<SequenceRange> gaps_below(int64_t to) const {
    std::vector<SequenceRange> gaps;
    int64_t from = 0;
    for (const auto& range : ranges_) {
      if (range.from > from) gaps.push_back({from, range.from});
      from = range.to;
    }
    if (from < to) gaps.push_back({from, to});
    return gaps;
  }

 private:
  bool insert(int64_t sequence) {
    // The first range that ends at or after it: it holds it, touches it, or lies behind it.
    auto next = std::lower_bound(ranges_.begin(), ranges_.end(), sequence, [](const SequenceRange& range, int64_t value) { return range.to < value; });
    if (sequence >= next->from && sequence < next->to) return false;
    if (sequence == next->to) {
      next->to++;
      const auto after = next + 1;
      if (after != ranges_.end() && after->from == next->to) {
        next->to = after->to;
        ranges_.erase(after);
      }
    } else if (sequence + 1 == next->from) {
      next->from = sequence;
    } else {
      ranges_.insert(next, {sequence, sequence + 1});
    }
    return true;
  }

  // Sorted, disjoint and not touching.
  std::vector<SequenceRange> ranges_;
};

}  // namespace load

#endif
