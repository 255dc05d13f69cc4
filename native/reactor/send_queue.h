// What one connection still has to send: copied bytes and file ranges, in order. The shard's thread; hot only when a
// socket is full or a file range is being sent.

#ifndef RINGLOG_REACTOR_SEND_QUEUE_H
#define RINGLOG_REACTOR_SEND_QUEUE_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringlog {

struct SendItem {
  // -1: `length` bytes from the front of the queue's memory. Otherwise a range of this file.
  int file = -1;
  int32_t ticket = -1;
  int64_t position = 0;
  uint64_t length = 0;
  // File bytes before this position are known to be in the page cache.
  int64_t resident_until = 0;
  // Cold bytes read into the arena: [block_at, block_at + block_length) of `block` are the file's at `position`.
  int32_t block = -1;
  uint32_t block_at = 0;
  uint32_t block_length = 0;
  // A cold read is under way (index in the cold table), or -1.
  int32_t cold = -1;
};

class SendQueue {
 public:
  bool empty() const { return first_ == items_.size(); }
  SendItem& front() { return items_[first_]; }
  bool alone() const { return first_ + 1 == items_.size(); }
  size_t memory_bytes() const { return memory_.size() - memory_first_; }
  const uint8_t* memory() const { return memory_.data() + memory_first_; }

  void push_memory(const uint8_t* data, size_t length) {
    if (memory_first_ > memory_.size() / 2 && memory_first_ > kKeepBytes) {
      memory_.erase(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(memory_first_));
      memory_first_ = 0;
    }
    memory_.insert(memory_.end(), data, data + length);
    if (!empty() && items_.back().file < 0) {
      items_.back().length += length;
      return;
    }
    SendItem item;
    item.length = length;
    items_.push_back(item);
  }

  void push_file(int file, int64_t position, uint64_t length, int32_t ticket) {
    SendItem item;
    item.file = file;
    item.position = position;
    item.resident_until = position;
    item.length = length;
    item.ticket = ticket;
    items_.push_back(item);
  }

  // `bytes` of the front memory item have left.
  void consume_memory(size_t bytes) {
    memory_first_ += bytes;
    items_[first_].length -= bytes;
    if (memory_first_ == memory_.size()) {
      memory_first_ = 0;
      memory_.clear();
      // A slow reader's backlog is not kept for ever.
      if (memory_.capacity() > kKeepBytes) std::vector<uint8_t>().swap(memory_);
    }
  }

  void pop() {
    first_++;
    if (!empty()) {
      if (first_ < kKeepItems) return;
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
      return;
    }
    items_.clear();
    first_ = 0;
    if (items_.capacity() > kKeepItems) std::vector<SendItem>().swap(items_);
  }

  void reset() {
    std::vector<SendItem>().swap(items_);
    std::vector<uint8_t>().swap(memory_);
    first_ = memory_first_ = 0;
  }

 private:
  static constexpr size_t kKeepBytes = 4096;
  static constexpr size_t kKeepItems = 64;

  std::vector<SendItem> items_;
  size_t first_ = 0;
  std::vector<uint8_t> memory_;
  size_t memory_first_ = 0;
};

}  // namespace ringlog

#endif
