// KeySource: keys as OMB makes them, the same as load/key-pool.ts: 10,000 random 7-byte values in unpadded URL-safe base64.
// One owner; hot.

#ifndef RINGLOG_LOAD_KEY_SOURCE_H
#define RINGLOG_LOAD_KEY_SOURCE_H

#include <string>
#include <string_view>
#include <vector>

#include "json.h"
#include "load_plan.h"
#include "seeded_random.h"

namespace load {

class KeySource {
 public:
  KeySource(KeyDistribution distribution, uint32_t seed) : distribution_(distribution), random_(seed) {
    if (distribution == KeyDistribution::kNone) return;
    for (uint32_t i = 0; i < kKeys; i++) {
      std::string bytes(kKeyBytes, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random_.below(256));
      pool_.push_back(to_base64_url(bytes));
    }
  }

  // Without data() where records have none.
  std::string_view next() {
    if (distribution_ == KeyDistribution::kNone) return {};
    return pool_[distribution_ == KeyDistribution::kRoundRobin ? next_++ % kKeys : random_.below(kKeys)];
  }

 private:
  static constexpr uint32_t kKeys = 10'000;
  static constexpr size_t kKeyBytes = 7;

  const KeyDistribution distribution_;
  SeededRandom random_;
  std::vector<std::string> pool_;
  uint32_t next_ = 0;
};

}  // namespace load

#endif
