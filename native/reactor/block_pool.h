// Memory of one shard in power-of-two blocks: receive buffers, cold reads, what TypeScript takes. The shard's thread;
// hot.
//
// A buddy allocator whose bookkeeping lies outside the blocks (giving a block back touches none of its pages). Blocks
// up to 1 MiB go through short last-in-first-out lists, so that a busy shard reuses the few blocks its cache holds.
// A block is counted: the connection assembling a frame in it, each RETAIN, the taker. At zero it is dead, and sweep()
// makes dead blocks free: bytes handed out during a tick stay valid until the tick ends.

#ifndef RINGLOG_REACTOR_BLOCK_POOL_H
#define RINGLOG_REACTOR_BLOCK_POOL_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sys/mapping.h"

namespace ringlog {

class BlockPool {
 public:
  static constexpr uint32_t kPageBytes = 16 * 1024;

  // Over the whole of `arena`, which must be below 2 GiB so that offsets fit an int32.
  explicit BlockPool(Mapping* arena);

  // A block of at least `length` bytes, counted once: its offset, or -1 when no block is left.
  int32_t take(size_t length);
  void hold(int32_t block);
  void drop(int32_t block);
  // hold() and drop() for whoever keeps a block for longer than its maker thought of.
  void keep(int32_t block);
  void let_go(int32_t block);
  // Of blocks that are kept, whole.
  size_t kept_bytes() const { return kept_bytes_; }
  // Free what drop() left dead. True when that freed anything.
  bool sweep();

  uint32_t size_of(int32_t block) const;
  // Whether `offset` is the start of a block now taken.
  bool taken(int32_t offset) const;
  // Whether others than the one asking count on it.
  bool shared(int32_t block) const { return refs_[page_of(block)] > 1; }
  size_t taken_bytes() const { return taken_bytes_; }

  // Give free, once used memory beyond the recent peak back to the kernel; called about once a second while
  // trim_due(). The next interval's peak starts here.
  void trim();
  bool trim_due() const { return resident_bound() > kKeepBytes && resident_bound() > taken_bytes_ + kKeepBytes; }

 private:
  static constexpr int kOrders = 18;  // 16 KiB << 17 = 2 GiB
  static constexpr int kQuickOrders = 7;  // up to 1 MiB
  static constexpr int kQuickDepth = 8;
  static constexpr uint32_t kChunkBytes = 256 * 1024;
  static constexpr size_t kKeepBytes = 16 * 1024 * 1024;

  enum class State : uint8_t { kInside, kFree, kQuick, kTaken };

  static int order_for(size_t length);
  static uint32_t pages_of(int order) { return 1u << order; }
  uint32_t page_of(int32_t block) const;
  void link_free(uint32_t page, int order);
  void unlink_free(uint32_t page);
  // Merge with free buddies and link.
  void release(uint32_t page, int order);
  int64_t take_free(int order);
  void flush_quick();
  void mark_used(uint32_t page, int order);
  size_t resident_bound() const { return used_chunks_ * static_cast<size_t>(kChunkBytes); }

  Mapping* const arena_;
  const uint32_t pages_;
  std::vector<State> state_;
  std::vector<uint8_t> order_;
  std::vector<int32_t> refs_;
  std::vector<int32_t> kept_;
  std::vector<int32_t> next_;
  std::vector<int32_t> previous_;
  int32_t free_[kOrders];
  uint32_t quick_[kQuickOrders][kQuickDepth];
  int quick_count_[kQuickOrders] = {};
  std::vector<uint32_t> dead_;
  // Chunks that may hold resident pages.
  std::vector<bool> used_;
  size_t used_chunks_ = 0;
  size_t taken_bytes_ = 0;
  size_t kept_bytes_ = 0;
  size_t peak_bytes_ = 0;
};

}  // namespace ringlog

#endif
