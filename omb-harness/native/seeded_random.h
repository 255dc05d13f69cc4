// SeededRandom: the numbers of stats/seeded-random.ts, bit for bit. One owner; hot.

#ifndef RINGLOG_LOAD_SEEDED_RANDOM_H
#define RINGLOG_LOAD_SEEDED_RANDOM_H

#include <cmath>
#include <cstdint>

namespace load {

class SeededRandom {
 public:
  explicit SeededRandom(uint32_t seed) : state_(seed) {}

  // 0 ≤ x < 1 (splitmix32).
  double next() {
    state_ += 0x9e3779b9;
    uint32_t mixed = state_;
    mixed = (mixed ^ (mixed >> 16)) * 0x85ebca6b;
    mixed = (mixed ^ (mixed >> 13)) * 0xc2b2ae35;
    return (mixed ^ (mixed >> 16)) / 4294967296.0;
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(next() * bound); }
  double exponential(double mean) { return -mean * std::log(1 - next()); }

 private:
  uint32_t state_;
};

}  // namespace load

#endif
