#include "reactor/block_pool.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace ringlog {

BlockPool::BlockPool(Mapping* arena)
    : arena_(arena),
      pages_(static_cast<uint32_t>(arena->bytes() / kPageBytes)),
      state_(pages_, State::kInside),
      order_(pages_, 0),
      refs_(pages_, 0),
      kept_(pages_, 0),
      next_(pages_, -1),
      previous_(pages_, -1),
      used_((arena->bytes() + kChunkBytes - 1) / kChunkBytes, false) {
  RINGLOG_CHECK_OP(arena->bytes(), <, 2147483648u);
  std::fill(std::begin(free_), std::end(free_), -1);
  dead_.reserve(1024);
  // The largest naturally aligned blocks that cover the arena, the lowest ones linked last: they are taken first.
  std::vector<std::pair<uint32_t, int>> parts;
  for (uint32_t page = 0; page < pages_;) {
    int order = page == 0 ? kOrders - 1 : std::min(kOrders - 1, std::countr_zero(page));
    while (pages_of(order) > pages_ - page) order--;
    parts.emplace_back(page, order);
    page += pages_of(order);
  }
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) link_free(part->first, part->second);
}

int BlockPool::order_for(size_t length) {
  const size_t pages = (std::max<size_t>(length, 1) + kPageBytes - 1) / kPageBytes;
  return std::bit_width(pages - 1);
}

uint32_t BlockPool::page_of(int32_t block) const {
  RINGLOG_CHECK_OP(block, >=, 0);
  const uint32_t page = static_cast<uint32_t>(block) / kPageBytes;
  RINGLOG_CHECK_OP(page, <, pages_);
  RINGLOG_CHECK_OP(static_cast<uint32_t>(block) % kPageBytes, ==, 0);
  RINGLOG_CHECK(state_[page] == State::kTaken);
  return page;
}

bool BlockPool::taken(int32_t offset) const {
  if (offset < 0 || static_cast<uint32_t>(offset) % kPageBytes != 0) return false;
  const uint32_t page = static_cast<uint32_t>(offset) / kPageBytes;
  return page < pages_ && state_[page] == State::kTaken && refs_[page] > 0;
}

void BlockPool::link_free(uint32_t page, int order) {
  state_[page] = State::kFree;
  order_[page] = static_cast<uint8_t>(order);
  previous_[page] = -1;
  next_[page] = free_[order];
  if (free_[order] >= 0) previous_[static_cast<size_t>(free_[order])] = static_cast<int32_t>(page);
  free_[order] = static_cast<int32_t>(page);
}

void BlockPool::unlink_free(uint32_t page) {
  const int32_t before = previous_[page];
  const int32_t after = next_[page];
  if (before >= 0) next_[static_cast<size_t>(before)] = after;
  else free_[order_[page]] = after;
  if (after >= 0) previous_[static_cast<size_t>(after)] = before;
  state_[page] = State::kInside;
}

void BlockPool::release(uint32_t page, int order) {
  state_[page] = State::kInside;
  while (order + 1 < kOrders) {
    const uint32_t buddy = page ^ pages_of(order);
    if (buddy + pages_of(order) > pages_ || state_[buddy] != State::kFree || order_[buddy] != order) break;
    unlink_free(buddy);
    page = std::min(page, buddy);
    order++;
  }
  link_free(page, order);
}

int64_t BlockPool::take_free(int order) {
  int from = order;
  while (from < kOrders && free_[from] < 0) from++;
  if (from == kOrders) return -1;
  const auto page = static_cast<uint32_t>(free_[from]);
  unlink_free(page);
  while (from > order) {
    from--;
    link_free(page + pages_of(from), from);
  }
  return page;
}

void BlockPool::flush_quick() {
  for (int order = 0; order < kQuickOrders; order++) {
    while (quick_count_[order] > 0) release(quick_[order][--quick_count_[order]], order);
  }
}

void BlockPool::mark_used(uint32_t page, int order) {
  constexpr uint32_t pages_per_chunk = kChunkBytes / kPageBytes;
  const uint32_t last = (page + pages_of(order) - 1) / pages_per_chunk;
  for (uint32_t chunk = page / pages_per_chunk; chunk <= last; chunk++) {
    if (used_[chunk]) continue;
    used_[chunk] = true;
    used_chunks_++;
  }
}

int32_t BlockPool::take(size_t length) {
  if (length > arena_->bytes()) return -1;
  const int order = order_for(length);
  if (order >= kOrders) return -1;
  int64_t page;
  if (order < kQuickOrders && quick_count_[order] > 0) {
    page = quick_[order][--quick_count_[order]];
  } else {
    page = take_free(order);
    if (page < 0) {
      flush_quick();
      page = take_free(order);
      if (page < 0) return -1;
    }
    mark_used(static_cast<uint32_t>(page), order);
  }
  const auto at = static_cast<size_t>(page);
  state_[at] = State::kTaken;
  order_[at] = static_cast<uint8_t>(order);
  refs_[at] = 1;
  taken_bytes_ += static_cast<size_t>(pages_of(order)) * kPageBytes;
  peak_bytes_ = std::max(peak_bytes_, taken_bytes_);
  return static_cast<int32_t>(page * kPageBytes);
}

void BlockPool::hold(int32_t block) {
  const uint32_t page = page_of(block);
  RINGLOG_CHECK_OP(refs_[page], >, 0);
  refs_[page]++;
}

void BlockPool::drop(int32_t block) {
  const uint32_t page = page_of(block);
  RINGLOG_CHECK_OP(refs_[page], >, 0);
  if (--refs_[page] == 0) dead_.push_back(page);
}

void BlockPool::keep(int32_t block) {
  hold(block);
  if (kept_[page_of(block)]++ == 0) kept_bytes_ += size_of(block);
}

void BlockPool::let_go(int32_t block) {
  int32_t& kept = kept_[page_of(block)];
  RINGLOG_CHECK_OP(kept, >, 0);
  if (--kept == 0) kept_bytes_ -= size_of(block);
  drop(block);
}

bool BlockPool::sweep() {
  if (dead_.empty()) return false;
  for (const uint32_t page : dead_) {
    RINGLOG_CHECK_OP(refs_[page], ==, 0);
    const int order = order_[page];
    taken_bytes_ -= static_cast<size_t>(pages_of(order)) * kPageBytes;
    if (order < kQuickOrders && quick_count_[order] < kQuickDepth) {
      state_[page] = State::kQuick;
      quick_[order][quick_count_[order]++] = page;
    } else {
      release(page, order);
    }
  }
  dead_.clear();
  return true;
}

uint32_t BlockPool::size_of(int32_t block) const { return pages_of(order_[page_of(block)]) * kPageBytes; }

void BlockPool::trim() {
  size_t keep = std::max(peak_bytes_ + peak_bytes_ / 4, kKeepBytes);
  peak_bytes_ = taken_bytes_;
  if (resident_bound() <= keep) return;
  flush_quick();
  constexpr uint32_t pages_per_chunk = kChunkBytes / kPageBytes;
  for (int order = kOrders - 1; order >= 0 && pages_of(order) >= pages_per_chunk; order--) {
    for (int32_t page = free_[order]; page >= 0; page = next_[static_cast<size_t>(page)]) {
      const uint32_t first = static_cast<uint32_t>(page) / pages_per_chunk;
      // From the end: the low part of a free block is what take() hands out first.
      for (uint32_t chunk = first + pages_of(order) / pages_per_chunk; chunk-- > first;) {
        if (!used_[chunk]) continue;
        if (resident_bound() <= keep) return;
        arena_->discard(static_cast<size_t>(chunk) * kChunkBytes, kChunkBytes);
        used_[chunk] = false;
        used_chunks_--;
      }
    }
  }
}

}  // namespace ringlog
