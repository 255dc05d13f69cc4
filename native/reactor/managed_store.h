// The managed storage mode: files written by O_DIRECT from an arena that is also the cache of their ends.
// The shard's thread; append(), flush() and gather() are hot.
//
// A file is managed from manage() to release(), named by the descriptor its owner opened (a plain one, which other code
// may read through: what is below cached_from is on the disk). Its bytes are written through a second descriptor.
//
//   append()  copies into chunks of the arena: from then on readers see the bytes. Nothing is on the disk.
//   flush()   starts a write of whole blocks when 64 KiB or more wait (more while others are under way), up to eight of
//             1 MiB at a time; sync() and age make it write what there is, the last block padded with zeros.
//             Through the kernel's ring where it is open, all files' in one call: counted against threads, a fifth of
//             the context switches.
//   sync()    fdatasync once everything appended before is written; one write and its sync are one job.
//
// Rules that recovery counts on:
//   a. Past the bytes written a file reads as zeros, or is recycled.
//      Zeros: a managed file is new, or was cut to its batches, and blocks are reserved by fallocate. Where syncs are asked for
//      often, zeros are written over the reserved blocks too: a sync then has no metadata to write. (Where they are not, that
//      would only double what is written.)
//      Recycled: a file given to manage() as empty that is not held an earlier part of the same log, which was deleted. Its
//      blocks are allocated and written, so that neither a write nor a sync changes metadata. Whatever a crash leaves there is
//      new bytes or old batches, and of those every offset lies below the new segment's base: a walk stops where they begin.
//      So that it need not look through all of them for something new, a fence (a block that says so) is on the disk at every
//      kFenceStep before anything is written at all behind it: nothing that was synced lies behind the first one that stands.
//   b. The partial last block is written again, with the same bytes before the new ones: a write torn between sectors
//      changes nothing that was acked. No other write may touch that block at the time.
//   c. Writes under way may reach the disk in any order, so a crash may leave a hole of up to
//      kManagedWrites * kManagedWriteMax before valid bytes. None of that was synced.
//
// Blocks that are reserved may still be refused: by a file system that copies on write, by a device that promised more than
// it has. The bytes stay in the arena then and are written again, every second or so, until the disk has room; meanwhile
// whatever is on that device takes no appends (-ENOSPC). Only a sync that fails has lost something, whatever it says.
//
// The arena never grows. When three quarters of it wait for the disk, pressed() tells the reactor to read no sockets: the shard
// goes on with all else. What the last quarter is for is told by append_room(): the engine stages no more than that, and has
// what comes beyond (frames that were read already, of other shards and of embedded callers too) wait in line. A sixteenth is
// left to the shard's own appends, of coordinators, which are not asked. Only if that were not enough, an append would wait in
// place for a write to end, and be counted.
//
// Chunks of a device without room are stuck for as long as it has none. They do not count as waiting, so sockets are read and
// their appends are refused; what is said above holds for the rest of the arena, which is for other devices.

#ifndef RINGLOG_REACTOR_MANAGED_STORE_H
#define RINGLOG_REACTOR_MANAGED_STORE_H

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "reactor/completion_ring.h"
#include "reactor/managed_file.h"
#include "ring/ring.h"
#include "sys/file_threads.h"
#include "sys/mapping.h"

namespace ringlog {

// Under way at a time: of one file, and of all.
inline constexpr int kManagedWrites = 8;
inline constexpr size_t kManagedWriteSlots = 64;

struct ManagedCounters {
  uint64_t writes = 0;
  uint64_t written_bytes = 0;
  uint64_t syncs = 0;
  uint64_t filled_bytes = 0;
  // Times that an append waited in place for memory, or for the file system to reserve blocks.
  uint64_t waits = 0;
  uint64_t reserve_waits = 0;
  // Rounds that left sockets with bytes alone because appends waited for the disk.
  uint64_t stops = 0;
  uint64_t evictions = 0;
};

class ManagedStore {
 public:
  ManagedStore(size_t arena_bytes, CompletionRing* cq, bool io_uring);
  ManagedStore(const ManagedStore&) = delete;
  ManagedStore& operator=(const ManagedStore&) = delete;
  // Waits for writes under way; what was not written is lost, as the caller has decided.
  ~ManagedStore();

  // Readable (edge-triggered is enough) when collect() has something to do.
  int event_fd() const { return threads_.event_fd(); }
  int filler_event_fd() const { return filler_.event_fd(); }
  // -1 where the kernel refuses io_uring: threads write then.
  int ring_event_fd() const { return ring_.is_open() ? ring_.poll_fd() : -1; }
  // The kernel did not take a write yet: flush() again.
  bool ring_queued() const { return ring_.queued() > 0; }

  // Take over a file of `end` bytes (rule a, where the file is longer); no more than `limit` is reserved ahead. 0 or -errno: where there is no O_DIRECT
  // the caller goes on without.
  int manage(int fd, int64_t end, int64_t limit);
  // Bytes not written are forgotten: sync_now() comes first where they matter.
  void release(int fd);
  // Null for a descriptor that is not managed.
  ManagedFile* find(int fd) {
    if (fd < 0 || static_cast<size_t>(fd) >= by_fd_.size() || by_fd_[static_cast<size_t>(fd)] < 0) return nullptr;
    return files_[static_cast<size_t>(by_fd_[static_cast<size_t>(fd)])].get();
  }

  // Something of the same device found no room: what is appended behind it could leave a hole that recovery takes for damage.
  bool is_full(const ManagedFile& file) const {
    return std::find(full_devices_.begin(), full_devices_.end(), file.device) != full_devices_.end();
  }
  // Room for `bytes` more: 0, or -ENOSPC and the like when the disk has none. append() may follow for that much.
  int reserve(ManagedFile& file, int64_t bytes);
  void append(ManagedFile& file, const uint8_t* from, size_t length, int64_t now_ms);
  // SYNCED with `ticket` when everything appended so far is on the disk, never before this returns.
  void sync(ManagedFile& file, int32_t ticket);
  // Starts the writes that appends since the last call have made worthwhile.
  // `all`: of every file, and less than that.
  void flush(bool all = false);
  // Writes what has waited longer than a moment, or found no room. False when nothing waits any more.
  bool flush_aged(int64_t now_ms);
  // Results of writes and syncs.
  void collect();

  // The arena is so full of bytes not yet written that sockets must wait.
  bool pressed() const { return waiting_chunks() * 4 > usable_chunks() * 3; }
  void note_stop() { counters_.stops++; }
  bool has_dirty() const { return dirty_chunks_ > 0; }
  int64_t dirty_bytes() const { return dirty_chunks_ * ManagedCache::kChunkBytes; }
  // Chunks that appends may take now: what does not wait for the disk, less what is left to coordinators.
  int32_t append_room() const { return pressed() ? 0 : std::max(0, append_room_most() - waiting_chunks()); }
  // When nothing waits: now, and with nothing stuck, which makes it smaller by no less than one.
  int32_t append_room_most() const {
    return static_cast<int32_t>(int64_t{append_room_max()} * usable_chunks() / std::max(1, cache_.capacity()));
  }
  int32_t append_room_max() const { return cache_.capacity() - cache_.capacity() / 16; }

  // The file's descriptor stays open until end_read() of what this returns.
  int32_t begin_read(ManagedFile& file) {
    file.readers++;
    return index_of(file);
  }
  void end_read(int32_t index) {
    files_[static_cast<size_t>(index)]->readers--;
    free_if_done(index);
  }

  // Vectors over cached bytes from `position` (>= cached_from) on, up to `length` and `count`; returns how many vectors.
  int gather(const ManagedFile& file, int64_t position, uint64_t length, iovec* vectors, int count) const;
  // Copies cached bytes; position >= cached_from. Returns how many.
  size_t copy(const ManagedFile& file, int64_t position, uint8_t* into, size_t length) const;

  // These wait in place. 0 or -errno.
  // Everything below `target` is in the file, or on the disk for good.
  int sync_now(ManagedFile& file, int64_t target, bool durable);
  int truncate(ManagedFile& file, int64_t length);
  int64_t read_now(ManagedFile& file, uint8_t* into, size_t length, int64_t position);

  const ManagedCounters& counters() const { return counters_; }
  const ManagedCache& cache() const { return cache_; }

 private:
  static int64_t run_write(const FileJob& job);
  static int64_t run_sync(const FileJob& job);
  static int64_t run_fill(const FileJob& job);
  static int64_t run_fence(const FileJob& job);
  static int64_t run_reserve(const FileJob& job);

  // Odd, as those of ColdFiles are even.
  uint64_t take_serial() { return last_serial_ += 2; }
  bool add_writes();
  // What waits for a disk without room is not under way, and keeps no other disk from its writes.
  bool may_write() const {
    return !free_writes_.empty() && writes_.size() - free_writes_.size() - static_cast<size_t>(refused_) < kManagedWriteSlots;
  }
  int probe_direct(int direct_fd, int64_t end);
  int32_t index_of(const ManagedFile& file) const;
  void start_writes(int32_t index);
  void start_write(int32_t index, int64_t end);
  bool write_by_ring(int32_t slot, int64_t start);
  void collect_ring();
  void write_by_thread(int32_t slot, int64_t start);
  void start_sync(int32_t index);
  void start_fill(int32_t index);
  void start_fencing(int32_t index);
  void drop_unfenced(int32_t index, int64_t from, int32_t error);
  void want_all(int32_t index);
  void on_write(int32_t slot, int64_t result);
  void on_sync(const FileJob& job);
  void on_fill(const FileJob& job);
  void reserve_ahead(ManagedFile& file);
  void on_reserve(const FileJob& job);
  void note_reserved(ManagedFile& file, int64_t from, int64_t to);
  void note_refused(ManagedWrite& write, bool refused);
  void retry_refused(bool last_try);
  void forget_refused(int32_t index);
  void serve_waiters(int32_t index);
  void fail(int32_t index, int error);
  void count_dirty(ManagedFile& file);
  int32_t waiting_chunks() const { return dirty_chunks_ - stuck_chunks_; }
  int32_t usable_chunks() const { return cache_.capacity() - stuck_chunks_; }
  int32_t take_chunk(int32_t index);
  bool evict(bool last_too);
  void drop_chunks(ManagedFile& file);
  void keep_partial(ManagedFile& file);
  void wait();
  void wait_idle(int32_t index);
  void free_if_done(int32_t index);

  CompletionRing* const cq_;
  ManagedCache cache_;
  FileThreads threads_;
  FileThreads filler_;
  // Of the thread that made the store, as all else.
  IoUring ring_;
  std::vector<std::unique_ptr<ManagedFile>> files_;
  std::vector<int32_t> free_files_;
  std::vector<int32_t> by_fd_;
  // They stay where they are: the kernel and threads write from there.
  std::deque<ManagedWrite> writes_;
  std::vector<int32_t> free_writes_;
  std::vector<Mapping*> tails_;
  std::vector<int32_t> touched_;
  std::vector<int32_t> touched_now_;
  std::vector<FileJob> results_;
  // Jobs of threads_, and of filler_.
  uint32_t jobs_ = 0;
  uint32_t fills_ = 0;
  int32_t dirty_chunks_ = 0;
  // Writes that found no room; the devices they are for; the dirty chunks of all files there.
  int32_t refused_ = 0;
  std::vector<uint64_t> full_devices_;
  int32_t stuck_chunks_ = 0;
  std::vector<uint64_t> proven_devices_;
  uint64_t last_serial_ = 1;
  ManagedCounters counters_;
};

}  // namespace ringlog

#endif
