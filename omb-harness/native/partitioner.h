// Partitioner: which partition a record goes to, as Kafka's producer decides: murmur2 of a key; without one a partition
// for as long as a batch is filled, then another at random. One owner; hot.

#ifndef RINGLOG_LOAD_PARTITIONER_H
#define RINGLOG_LOAD_PARTITIONER_H

#include <cstdint>
#include <cstring>
#include <string_view>

#include "seeded_random.h"

namespace load {

// Of 32 bits, with Kafka's seed; negative ones wrap.
inline uint32_t murmur2(std::string_view key) {
  constexpr uint32_t kM = 0x5bd1e995;
  const auto length = static_cast<uint32_t>(key.size());
  uint32_t hash = 0x9747b28c ^ length;
  size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    uint32_t block;
    std::memcpy(&block, key.data() + at, 4);  // little-endian
    block *= kM;
    block ^= block >> 24;
    hash = (hash * kM) ^ (block * kM);
  }
  const size_t rest = key.size() - at;
  for (size_t i = rest; i-- > 0;) hash ^= static_cast<uint32_t>(static_cast<uint8_t>(key[at + i])) << (8 * i);
  if (rest > 0) hash *= kM;
  hash ^= hash >> 13;
  hash *= kM;
  return hash ^ (hash >> 15);
}

class Partitioner {
 public:
  Partitioner(int partitions, size_t sticky_bytes, bool round_robin, uint32_t seed)
      : partitions_(static_cast<uint32_t>(partitions)), sticky_bytes_(sticky_bytes), round_robin_(round_robin), random_(seed) {
    sticky_ = random_.below(partitions_);
  }

  int of_key(std::string_view key) const { return static_cast<int>((murmur2(key) & 0x7fffffff) % partitions_); }
  // `batch_is_open`: the batch that the last of these went to still takes records.
  int without_key(bool batch_is_open) {
    if (round_robin_) {
      sticky_ = (sticky_ + 1) % partitions_;
    } else if (taken_ >= 2 * sticky_bytes_ || (taken_ >= sticky_bytes_ && !batch_is_open)) {
      sticky_ = random_.below(partitions_);
      taken_ = 0;
    }
    return static_cast<int>(sticky_);
  }
  int sticky() const { return static_cast<int>(sticky_); }
  void took(size_t bytes) { taken_ += bytes; }

 private:
  const uint32_t partitions_;
  const size_t sticky_bytes_;
  const bool round_robin_;
  SeededRandom random_;
  uint32_t sticky_ = 0;
  size_t taken_ = 0;
};

}  // namespace load

#endif
