// All of one reactor's state; the verbs are in files of their own (accept, receive, send, submission, file_work) and
// reactor.cc says in what order they run. The shard's thread owns it; nothing here is shared except through FileThreads.

#ifndef RINGLOG_REACTOR_REACTOR_STATE_H
#define RINGLOG_REACTOR_REACTOR_STATE_H

#include <sys/epoll.h>
#include <sys/uio.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "reactor/append_tails.h"
#include "reactor/block_pool.h"
#include "reactor/cold_files.h"
#include "reactor/completion_ring.h"
#include "reactor/connection_table.h"
#include "reactor/linger.h"
#include "reactor/managed_store.h"
#include "reactor/tick_layout.h"
#include "ring/ring.h"
#include "sys/deadline.h"
#include "sys/file_threads.h"
#include "sys/mapping.h"

namespace ringlog {

struct ReactorOptions {
  uint32_t request_max_bytes = 100 * 1024 * 1024;
  uint32_t arena_bytes = 512u * 1024 * 1024;
  uint32_t send_queue_max_bytes = 16 * 1024 * 1024;
  uint32_t max_connections = 10'000;
  int file_threads = 2;
  int receive_buffer_bytes = 0;
  int send_buffer_bytes = 0;
  bool io_uring = true;
  // Write buffer and tail cache of managed files; mapped when the first one comes.
  size_t managed_bytes = 128 * 1024 * 1024;
};

struct Listener {
  UniqueFd fd;
  // Waiting connections may be there (level-triggered: the kernel repeats it).
  bool ready = false;
  // Out of the epoll set until a connection closes or a moment has passed.
  bool paused = false;
};

// A chunk of a file on its way into the arena, because sendfile would have waited for the disk.
struct ColdRead {
  // Connection that wants it, -1 when it died meanwhile; then `orphan_ticket` is its lease, -1 for none.
  int32_t conn = -1;
  int32_t generation = 0;
  int32_t orphan_ticket = -1;
  int32_t block = -1;
  // The bytes wanted begin `skip` bytes into the block: a direct read begins at a block of the file.
  uint32_t skip = 0;
  uint32_t wanted = 0;
  // Where it is read from past the page cache: its place in ColdFiles, or -1.
  int32_t cold_file = -1;
};

// Bytes of a file's history, or on their way into a block.
struct ReadAhead {
  // -1: free.
  int32_t block = -1;
  // Of the file; and while loading, its place in cold_files (-1 for a managed one) or in the managed store.
  uint64_t serial = 0;
  int32_t cold_file = -1;
  int32_t managed = -1;
  int64_t start = 0;
  int64_t end = 0;
  bool loading = false;
  // Somebody has read it to its end.
  bool read = false;
  int64_t used_ms = 0;
};

// Where a read of history ended: one that begins there goes on with it.
struct ReadEnd {
  uint64_t serial = 0;
  int64_t end = -1;
};

// A megabyte each, of the arena.
inline constexpr int kReadAheads = 32;
inline constexpr uint32_t kReadEnds = 1024;
inline constexpr int32_t kCqCapacity = 8192;
inline constexpr int32_t kSqCapacity = 16384;
inline constexpr int32_t kDescCapacity = 8192;
inline constexpr uint32_t kOutBytes = 4 * 1024 * 1024;
// What a round sends of files, all connections together, before sockets are looked at again. While records come in, history
// and large answers must not keep a small one waiting; while none do, large pieces cost less CPU a byte (bench, fetch rows).
inline constexpr uint64_t kRoundSendBytes = 64 * 1024;
inline constexpr uint64_t kQuietRoundSendBytes = 1024 * 1024;
// Records came in this recently: a rate of 100 a second counts.
inline constexpr int64_t kQuietAfterMs = 20;
// Two records of a journal may be on their way to the disk at once.
inline constexpr int kCommitThreads = 2;

struct ReactorState {
  ReactorState(const ReactorOptions& with, Mapping* arena_mapping, Mapping* ring_mapping, int32_t* ring_words)
      : options(with),
        arena_map(arena_mapping),
        ring_map(ring_mapping),
        arena(arena_mapping->data()),
        ctl(ring_words),
        ctl_f64(reinterpret_cast<double*>(ring_words)),
        cq_slots(ring_words + Ctl::WORDS),
        sq(cq_slots + kCqCapacity * CQ_SLOT_WORDS),
        desc(sq + kSqCapacity * SQ_SLOT_WORDS),
        pool(arena_mapping),
        cq(ctl, cq_slots, kCqCapacity),
        connections(with.max_connections),
        file_threads(std::make_unique<FileThreads>(with.file_threads)),
        commit_threads(std::make_unique<FileThreads>(kCommitThreads)),
        managed(std::make_unique<ManagedStore>(with.managed_bytes, &cq, with.io_uring)) {}

  const ReactorOptions options;
  Mapping* const arena_map;
  Mapping* const ring_map;
  uint8_t* const arena;
  int32_t* const ctl;
  double* const ctl_f64;
  int32_t* const cq_slots;
  int32_t* const sq;
  int32_t* const desc;

  BlockPool pool;
  int32_t out_block = -1;
  CompletionRing cq;
  ConnectionTable connections;
  std::vector<std::unique_ptr<Listener>> listeners;
  LingerSet lingers;

  UniqueFd epoll;
  UniqueFd wake_event;
  Deadline deadline;
  std::unique_ptr<FileThreads> file_threads;
  std::vector<FileJob> finished_jobs;
  std::unique_ptr<FileThreads> commit_threads;
  std::vector<FileJob> finished_commits;
  std::unique_ptr<ManagedStore> managed;
  uint32_t jobs_in_flight = 0;
  // Reads go through the kernel's ring where it is open; jobs by their place here are its user data.
  IoUring ring;
  std::vector<FileJob> ring_jobs;
  std::vector<uint32_t> free_ring_jobs;
  // Reads pass by the page cache (RWF_DONTCACHE) until a file system refuses.
  bool dontcache_works = true;

  int64_t now_ms = 0;
  // Monotonic ms of ARM; kNever when disarmed.
  int64_t armed_ms = Deadline::kNever;
  // Trimming memory, retrying a listener.
  int64_t housekeeping_ms = Deadline::kNever;

  bool in_tick = false;
  bool host_ready = false;
  bool wake_pending = false;
  bool tick_requested = false;
  bool closed = false;
  // The arena had no block for a receive: sockets wait until one is given back.
  bool starved = false;
  int64_t starved_since_ms = 0;
  bool accept_paused = false;
  // Received in this tick.
  size_t tick_bytes = 0;
  // Bytes of files that may still be sent in this round.
  uint64_t send_left = kRoundSendBytes;
  // Of the last append.
  int64_t appended_ms = 0;
  uint64_t file_bytes_sent = 0;

  // Connections to receive from, to cut from, to send on; each is flagged while it is in a list.
  std::vector<int32_t> read_list;
  std::vector<int32_t> read_now;
  std::vector<int32_t> write_list;
  std::vector<int32_t> write_now;
  // Connections whose blocks were cut in this tick.
  std::vector<int32_t> tick_list;
  // Connections with slots in the submit being executed.
  std::vector<int32_t> dirty_list;
  // For each submission slot, the next one of the same connection.
  std::vector<int32_t> sq_next = std::vector<int32_t>(kSqCapacity, -1);

  std::vector<ColdRead> cold_reads;
  std::vector<int32_t> free_cold_reads;
  ReadAhead read_aheads[kReadAheads];
  ReadEnd read_ends[kReadEnds];
  // How many have a block.
  int aheads_held = 0;
  // Connections that wait for one of them.
  std::vector<int32_t> ahead_waiting;
  uint64_t ahead_hits = 0;
  uint64_t ahead_waits = 0;
  uint64_t ahead_reads = 0;
  // Connections whose cold read found no block.
  std::vector<int32_t> cold_waiting;
  ColdFiles cold_files;
  AppendTails tails;
  bool cachestat_works = true;
  uint64_t cold_reads_total = 0;
  uint64_t direct_reads = 0;

  int32_t& desc_count() { return ctl[Ctl::DESC_COUNT]; }

  void want_read(Connection& conn) {
    if (conn.in_read_list) return;
    conn.in_read_list = true;
    read_list.push_back(conn.index);
  }

  void want_write(Connection& conn) {
    if (conn.in_write_list) return;
    conn.in_write_list = true;
    write_list.push_back(conn.index);
  }

  void keep_house_at(int64_t at_ms) {
    if (at_ms < housekeeping_ms) housekeeping_ms = at_ms;
    deadline.at_latest(housekeeping_ms);
  }

  // Appends wait for the disk: those of managed logs, here or (kept frames) on the shard they were passed on to.
  bool appends_wait() const { return managed->pressed() || pool.kept_bytes() * 2 > arena_map->bytes(); }

  // There is room for the first of the engine's line.
  bool room_came() const {
    const int32_t wanted = ctl[Ctl::ARENA_WANTED];
    return wanted > 0 && managed->append_room() >= wanted;
  }

  void note_room() {
    ctl[Ctl::ARENA_ROOM] = managed->append_room();
    ctl[Ctl::ARENA_ROOM_MAX] = managed->append_room_max();
    ctl[Ctl::ARENA_ROOM_MOST] = managed->append_room_most();
  }

  // Outside a tick nothing else holds what a dead block contained.
  void sweep() {
    if (pool.sweep()) starved = false;
  }
};

}  // namespace ringlog

#endif
