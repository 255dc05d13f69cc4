// One file of the managed storage mode: how far it reaches, what of it is in memory, on its way, on the disk. State only;
// the verbs are in managed_store.h. The shard's thread.

#ifndef RINGLOG_REACTOR_MANAGED_FILE_H
#define RINGLOG_REACTOR_MANAGED_FILE_H

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "reactor/managed_cache.h"

namespace ringlog {

inline constexpr int64_t kManagedWriteMax = 1024 * 1024;

inline constexpr int64_t chunk_floor(int64_t position) {
  return position / ManagedCache::kChunkBytes * ManagedCache::kChunkBytes;
}

// A direct write under way. Its last, partial block is written from memory of its own: the chunk may take more bytes
// meanwhile.
struct ManagedWrite {
  int32_t file = -1;
  int fd = -1;
  // Of the file's bytes; what is written begins at start's block and ends with end's.
  int64_t start = 0;
  int64_t end = 0;
  // fdatasync follows: everything below `end` is then on the disk.
  bool sync = false;
  // What failed was that, not the write.
  bool sync_failed = false;
  // The disk had no room, and has not said otherwise since: the bytes wait.
  bool refused = false;
  // Tried again: under way once more.
  bool retried = false;
  // Somebody waits in place: no room now is a failure.
  bool last_try = false;
  int count = 0;
  iovec vectors[kManagedWriteMax / ManagedCache::kChunkBytes + 2];
  uint8_t* tail = nullptr;
};

struct ManagedFile {
  // A file's chunks, oldest first; the head is given up first.
  struct Chunks {
    std::vector<int32_t> ids;
    size_t head = 0;

    size_t size() const { return ids.size() - head; }
    bool empty() const { return size() == 0; }
    int32_t at(size_t index) const { return ids[head + index]; }
    int32_t front() const { return ids[head]; }
    void push_back(int32_t id) { ids.push_back(id); }
    void pop_back() { ids.pop_back(); }
    void pop_front() {
      head++;
      if (head < 64 || head * 2 < ids.size()) return;
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(head));
      head = 0;
    }
  };

  struct Waiter {
    int64_t target;
    int32_t ticket;
  };

  // synced <= written <= submitted <= end <= allocated
  //   synced     on the disk for good
  //   written    the disk has them, its cache may not have let them through
  //   submitted  some write, done or under way, holds them
  //   end        appended: in the arena from cached_from on
  //   allocated  blocks are promised: they read as zeros past what was written, or are of an earlier life of the file (rule a)
  int64_t synced = 0;
  int64_t written = 0;
  int64_t submitted = 0;
  int64_t end = 0;
  int64_t allocated = 0;
  // No more space than this is reserved ahead.
  int64_t limit = 0;
  // Write below this even if that makes a small write.
  int64_t wanted = 0;
  // [cached_from, end) is in the chunks. Whole blocks, unless there are no chunks: then it is `end`.
  int64_t cached_from = 0;
  Chunks chunks;
  // Where the last chunk ends.
  int64_t chunks_end() const {
    return chunk_floor(cached_from) + static_cast<int64_t>(chunks.size()) * ManagedCache::kChunkBytes;
  }
  // The last, partial block, while no chunk has it: the next append begins inside it.
  std::unique_ptr<uint8_t[]> partial;
  // Zeros, or fences, are being written over [fill_from, fill_to): no write may go there meanwhile.
  int64_t fill_from = 0;
  int64_t fill_to = 0;
  bool filling = false;
  // Fences it is.
  bool fencing = false;
  // Blocks behind `allocated` are being reserved; how many were when there was no room for more.
  bool reserving = false;
  int64_t reserved_last = -1;
  // Under way or refused.
  int writes = 0;
  bool syncing = false;
  int64_t syncing_to = 0;
  std::vector<Waiter> waiters;
  // The first write or sync that failed, but for want of room: nothing of the file is trusted to reach the disk any more.
  int error = 0;
  // When the oldest byte not yet submitted came.
  int64_t dirty_since_ms = -1;
  int32_t dirty_chunks = 0;
  // In the list of files appended to since the last flush.
  bool touched = false;
  // Another number when bytes change their meaning: what was read before is not to be believed.
  uint64_t serial = 0;
  // Reads ahead under way.
  int readers = 0;
  // Syncs asked for since space was last reserved.
  int syncs_asked = 0;
  int plain_fd = -1;
  uint64_t device = 0;
  UniqueFd direct;
  // Let go by its owner; what is under way ends first.
  bool released = false;
};

}  // namespace ringlog

#endif
