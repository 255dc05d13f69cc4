// The shard's memory against a plain model: blocks never overlap, counts hold, what is given back comes back whole.

#include "reactor/block_pool.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "test/test.h"

namespace ringlog::test {
namespace {

constexpr size_t kPage = BlockPool::kPageBytes;

struct Arena {
  explicit Arena(size_t bytes) : mapping(Mapping::create(bytes)) {}
  ~Arena() { mapping->drop(); }
  Mapping* const mapping;
};

struct Block {
  size_t bytes;
  int count;
  uint8_t mark;
};

}  // namespace

TEST(block_pool_fills_and_empties) {
  for (const size_t pages : {1U, 2U, 3U, 7U, 64U, 100U, 129U}) {
    const Arena arena(pages * kPage);
    BlockPool pool(arena.mapping);
    for (int round = 0; round < 3; ++round) {
      std::vector<int32_t> blocks;
      for (int32_t block; (block = pool.take(1)) >= 0;) blocks.push_back(block);
      EXPECT_EQ(blocks.size(), pages);
      EXPECT_EQ(pool.taken_bytes(), pages * kPage);
      for (const int32_t block : blocks) pool.drop(block);
      // Dead is not free: a tick's bytes stay valid until its end.
      EXPECT_EQ(pool.take(1), -1);
      EXPECT(pool.sweep());
      EXPECT(!pool.sweep());
      EXPECT_EQ(pool.taken_bytes(), 0U);
    }
    // Everything merged again: the largest power of two fits.
    size_t largest = 1;
    while (largest * 2 <= pages) largest *= 2;
    const int32_t whole = pool.take(largest * kPage);
    EXPECT(whole >= 0);
    EXPECT_EQ(pool.take(largest * 2 * kPage), -1);
  }
}

TEST(block_pool_counts_a_block_that_is_kept_once_and_whole) {
  const Arena arena(64 * kPage);
  BlockPool pool(arena.mapping);
  const int32_t small = pool.take(1);
  const int32_t large = pool.take(3 * kPage);
  EXPECT_EQ(pool.kept_bytes(), 0U);
  pool.keep(large);
  pool.keep(large);
  pool.keep(small);
  EXPECT_EQ(pool.kept_bytes(), 5 * kPage);
  // Its maker is done with it, who keeps it is not.
  pool.drop(large);
  pool.let_go(large);
  EXPECT_EQ(pool.kept_bytes(), 5 * kPage);
  EXPECT(!pool.sweep());
  pool.let_go(large);
  EXPECT_EQ(pool.kept_bytes(), kPage);
  EXPECT(pool.sweep());
  pool.let_go(small);
  EXPECT_EQ(pool.kept_bytes(), 0U);
  EXPECT_EQ(pool.taken_bytes(), kPage);
}

TEST(block_pool_against_a_model) {
  constexpr size_t kBytes = 24 * 1024 * 1024 + 3 * kPage;
  const Arena arena(kBytes);
  BlockPool pool(arena.mapping);
  std::map<int32_t, Block> live;
  std::vector<int32_t> dead;
  Random random(21);
  size_t taken = 0;
  for (int step = 0; step < 60000 && current().failures == 0; ++step) {
    const uint32_t choice = random.below(100);
    const auto any = [&] {
      auto it = live.lower_bound(static_cast<int32_t>(random.below(kBytes)));
      return it == live.end() ? live.begin() : it;
    };
    if (choice < 45) {
      const size_t length = 1 + random.below(random.below(20) == 0 ? 3 << 20 : 200 << 10);
      const int32_t at = pool.take(length);
      if (at < 0) continue;
      const size_t bytes = pool.size_of(at);
      EXPECT(bytes >= length && (bytes == kPage || bytes < 2 * length + kPage));
      EXPECT(static_cast<size_t>(at) + bytes <= kBytes && static_cast<size_t>(at) % kPage == 0);
      const auto after = live.lower_bound(at);
      if (after != live.end()) EXPECT(static_cast<size_t>(at) + bytes <= static_cast<size_t>(after->first));
      if (after != live.begin()) EXPECT(std::prev(after)->first + static_cast<int64_t>(std::prev(after)->second.bytes) <= at);
      const auto mark = static_cast<uint8_t>(random.next());
      arena.mapping->data()[at] = mark;
      arena.mapping->data()[static_cast<size_t>(at) + bytes - 1] = mark;
      live[at] = {bytes, 1, mark};
      taken += bytes;
      EXPECT(!pool.shared(at));
    } else if (choice < 55 && !live.empty()) {
      const auto block = any();
      if (block->second.count == 0) continue;
      pool.hold(block->first);
      ++block->second.count;
      EXPECT(pool.shared(block->first));
    } else if (choice < 97 && !live.empty()) {
      const auto block = any();
      if (block->second.count == 0) continue;
      EXPECT(pool.taken(block->first));
      EXPECT_EQ(arena.mapping->data()[block->first], block->second.mark);
      EXPECT_EQ(arena.mapping->data()[static_cast<size_t>(block->first) + block->second.bytes - 1], block->second.mark);
      pool.drop(block->first);
      if (--block->second.count == 0) dead.push_back(block->first);
      EXPECT_EQ(pool.taken(block->first), block->second.count > 0);
    } else if (choice < 99) {
      EXPECT_EQ(pool.sweep(), !dead.empty());
      for (const int32_t at : dead) {
        taken -= live[at].bytes;
        live.erase(at);
      }
      dead.clear();
    } else {
      // Trimming gives back only memory that is nobody's: the marks of live blocks are checked when they are dropped.
      pool.trim();
    }
    EXPECT_EQ(pool.taken_bytes(), taken);
  }
}

}  // namespace ringlog::test
