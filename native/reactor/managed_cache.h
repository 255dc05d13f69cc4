// The managed arena: memory of one shard in chunks of 64 KiB, each holding one aligned stretch of one file's end. It is
// write buffer and tail cache at once: a chunk is taken when its bytes are appended and given up, oldest first, when they
// are on the disk and memory is wanted. Nothing that was only read ever enters it. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_MANAGED_CACHE_H
#define RINGLOG_REACTOR_MANAGED_CACHE_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "reactor/tick_layout.h"
#include "sys/mapping.h"

namespace ringlog {

class ManagedCache {
 public:
  static constexpr int64_t kChunkBytes = ARENA_CHUNK_BYTES;

  explicit ManagedCache(size_t bytes) : wanted_bytes_(bytes) {}
  ManagedCache(const ManagedCache&) = delete;
  ManagedCache& operator=(const ManagedCache&) = delete;
  ~ManagedCache() {
    if (mapping_ != nullptr) mapping_->drop();
  }

  // Memory is mapped when the first file comes. False when the kernel refuses it.
  bool open() {
    if (mapping_ != nullptr) return true;
    constexpr size_t kUnit = 2 * 1024 * 1024;
    const size_t bytes = (wanted_bytes_ + kUnit - 1) / kUnit * kUnit;
    mapping_ = Mapping::create_huge(bytes, &backing_);
    if (mapping_ == nullptr) return false;
    chunks_.resize(bytes / kChunkBytes);
    // Lowest first: the arena's end is touched only when it is needed.
    for (size_t i = chunks_.size(); i-- > 0;) free_.push_back(static_cast<int32_t>(i));
    return true;
  }

  bool is_open() const { return mapping_ != nullptr; }
  const char* backing() const { return backing_; }
  int32_t capacity() const { return static_cast<int32_t>(chunks_.size()); }
  int32_t free_count() const { return static_cast<int32_t>(free_.size()); }

  uint8_t* data(int32_t chunk) const { return mapping_->data() + static_cast<size_t>(chunk) * kChunkBytes; }
  int32_t file_of(int32_t chunk) const { return chunks_[static_cast<size_t>(chunk)].file; }

  // A free chunk for `file`, the youngest of all; -1 when none is free.
  int32_t take(int32_t file) {
    if (free_.empty()) return -1;
    const int32_t chunk = free_.back();
    free_.pop_back();
    chunks_[static_cast<size_t>(chunk)].file = file;
    link_last(chunk);
    return chunk;
  }

  void give(int32_t chunk) {
    unlink(chunk);
    free_.push_back(chunk);
  }

  // The oldest chunk in use, or -1.
  int32_t oldest() const { return first_; }
  // It counts as the youngest from now on.
  void renew(int32_t chunk) {
    unlink(chunk);
    link_last(chunk);
  }

 private:
  struct Chunk {
    int32_t file = -1;
    int32_t previous = -1;
    int32_t next = -1;
  };

  Chunk& at(int32_t chunk) { return chunks_[static_cast<size_t>(chunk)]; }

  void link_last(int32_t chunk) {
    at(chunk).previous = last_;
    at(chunk).next = -1;
    if (last_ >= 0) at(last_).next = chunk;
    else first_ = chunk;
    last_ = chunk;
  }

  void unlink(int32_t chunk) {
    const Chunk gone = at(chunk);
    if (gone.previous >= 0) at(gone.previous).next = gone.next;
    else first_ = gone.next;
    if (gone.next >= 0) at(gone.next).previous = gone.previous;
    else last_ = gone.previous;
  }

  const size_t wanted_bytes_;
  Mapping* mapping_ = nullptr;
  const char* backing_ = "not mapped yet";
  std::vector<Chunk> chunks_;
  std::vector<int32_t> free_;
  int32_t first_ = -1;
  int32_t last_ = -1;
};

}  // namespace ringlog

#endif
