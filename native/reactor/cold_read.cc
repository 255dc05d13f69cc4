#include "reactor/cold_read.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "reactor/connection_close.h"
#include "reactor/file_work.h"
#include "reactor/read_ahead.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int64_t kChunkBytes = 1024 * 1024;

int32_t cold_slot(ReactorState& state) {
  if (state.free_cold_reads.empty()) {
    state.cold_reads.emplace_back();
    return static_cast<int32_t>(state.cold_reads.size()) - 1;
  }
  const int32_t index = state.free_cold_reads.back();
  state.free_cold_reads.pop_back();
  state.cold_reads[static_cast<size_t>(index)] = ColdRead{};
  return index;
}

// False when there is no memory: the connection is noted.
bool start_cold_read(ReactorState& state, Connection& conn, SendItem& item, const History& from) {
  const bool direct = from.serial != 0;
  // Behind the end of the file a read finds nothing, and says so.
  const int64_t left = std::max<int64_t>(from.end - item.position, 1);
  const int64_t wanted = std::min({static_cast<int64_t>(item.length), kChunkBytes, left});
  const int64_t start = direct ? block_floor(item.position) : item.position;
  const int64_t end = direct ? block_ceil(item.position + wanted) : item.position + wanted;
  const int32_t block = state.pool.take(static_cast<size_t>(end - start));
  if (block < 0) {
    state.cold_waiting.push_back(conn.index);
    if (!state.starved) state.starved_since_ms = state.now_ms;
    state.starved = true;
    return false;
  }
  state.cold_reads_total++;
  const int32_t index = cold_slot(state);
  ColdRead& cold = state.cold_reads[static_cast<size_t>(index)];
  cold.conn = conn.index;
  cold.generation = conn.generation;
  cold.block = block;
  cold.skip = static_cast<uint32_t>(item.position - start);
  cold.wanted = static_cast<uint32_t>(wanted);
  cold.cold_file = from.cold_file;
  if (from.cold_file >= 0) {
    state.cold_files.begin_read(from.cold_file);
    state.direct_reads++;
  }
  item.cold = index;
  FileJob job{};
  job.kind = FileJob::Kind::kColdRead;
  job.fd = from.fd;
  job.direct = direct;
  job.ticket = index;
  job.position = start;
  job.into = state.arena + block;
  job.length = static_cast<size_t>(end - start);
  submit_job(state, job);
  return true;
}

// Into the item's block at once if it was read ahead.
void read_history(ReactorState& state, Connection& conn, SendItem& item, const History& from) {
  const int64_t begin = item.position;
  const Ahead ahead = from.serial == 0 ? Ahead::kNone : take_read_ahead(state, conn, item, from.serial);
  if (ahead == Ahead::kLoading) return;
  if (ahead == Ahead::kNone && !start_cold_read(state, conn, item, from)) return;
  if (from.serial == 0) return;
  const uint32_t length = ahead == Ahead::kGiven ? item.block_length : state.cold_reads[static_cast<size_t>(item.cold)].wanted;
  note_cold_read(state, from, begin, begin + length);
}

// Dirty pages are not asked for directly: the kernel would write them to the disk first, with the file locked against
// appends. Nor is a file that is being appended to without the ring, as a thread holds that lock while it waits.
void read_uncached(ReactorState& state, Connection& conn, SendItem& item, bool dirty) {
  History from;
  const bool appended = !state.ring.is_open() && state.tails.knows(item.file);
  if (!dirty && !appended) from.cold_file = state.cold_files.open(item.file, state.now_ms);
  if (from.cold_file >= 0) {
    from.fd = state.cold_files.descriptor(from.cold_file);
    from.serial = state.cold_files.serial(from.cold_file);
    from.end = state.cold_files.end(from.cold_file);
    state.keep_house_at(state.now_ms + ColdFiles::kUnusedMs);
  } else {
    from.fd = item.file;
  }
  read_history(state, conn, item, from);
}

}  // namespace

void finish_cold_read(ReactorState& state, const FileJob& job) {
  const ColdRead cold = state.cold_reads[static_cast<size_t>(job.ticket)];
  state.free_cold_reads.push_back(job.ticket);
  const bool refused = cold.cold_file >= 0 && job.result == -EINVAL;
  if (cold.cold_file >= 0) state.cold_files.end_read(cold.cold_file, refused);
  Connection* conn = cold.conn < 0 ? nullptr : state.connections.find(cold.conn, cold.generation);
  if (conn == nullptr) {
    state.pool.drop(cold.block);
    if (cold.orphan_ticket >= 0) state.cq.push(Cq::SENT, -1, 0, -ECONNRESET, cold.orphan_ticket);
    return;
  }
  SendItem& item = conn->queue.front();
  RINGLOG_CHECK_OP(item.cold, ==, job.ticket);
  item.cold = -1;
  const auto got = std::min<int64_t>(job.result - cold.skip, cold.wanted);
  if (got <= 0) {
    state.pool.drop(cold.block);
    // Again, through the page cache.
    if (refused) read_uncached(state, *conn, item, true);
    // The length of the answer has been promised: without these bytes the connection cannot go on.
    else close_connection(state, *conn, job.result < 0 ? static_cast<int32_t>(job.result) : -EIO);
    return;
  }
  item.block = cold.block;
  item.block_at = cold.skip;
  item.block_length = static_cast<uint32_t>(got);
  if (conn->writable) state.want_write(*conn);
}

bool find_resident(ReactorState& state, Connection& conn, SendItem& item) {
  const int64_t end = item.position + static_cast<int64_t>(item.length);
  const int64_t tail = state.tails.resident_until(item.file, item.position, state.now_ms);
  if (tail > item.position) {
    item.resident_until = std::min(tail, end);
    return true;
  }
  const int64_t chunk_end = std::min(end, item.position + kChunkBytes);
  if (state.cachestat_works) {
    bool dirty = false;
    const int64_t resident = resident_bytes(item.file, item.position, chunk_end - item.position, &dirty);
    if (resident >= 0 && resident < chunk_end - item.position) {
      read_uncached(state, conn, item, dirty);
      return false;
    }
    // An old kernel, or a file the kernel will not tell about: send it as if resident.
    if (resident == -ENOSYS || resident == -EPERM) state.cachestat_works = false;
  }
  item.resident_until = chunk_end;
  return true;
}

void read_managed(ReactorState& state, Connection& conn, SendItem& item, ManagedFile& file) {
  // What lies in the arena may not be on the disk yet.
  read_history(state, conn, item, {file.direct.get(), file.serial, file.cached_from, -1, &file});
}

int64_t read_now(ReactorState& state, int fd, int64_t position, uint8_t* into, size_t length) {
  if (ManagedFile* file = state.managed->find(fd); file != nullptr) {
    if (position < file->cached_from) return copy_read_ahead(state, file->serial, position, into, length);
    return static_cast<int64_t>(state.managed->copy(*file, position, into, length));
  }
  // Before the page cache is asked, which begins to read where it has nothing.
  if (state.aheads_held > 0) {
    const int64_t got = copy_read_ahead(state, state.cold_files.serial_of(fd, state.now_ms), position, into, length);
    if (got > 0) return got;
  }
  return read_now_at(fd, into, length, position);
}

void retry_cold(ReactorState& state) {
  if (state.cold_waiting.empty() || state.starved) return;
  std::vector<int32_t> waiting;
  waiting.swap(state.cold_waiting);
  for (const int32_t index : waiting) {
    Connection& conn = state.connections.at(index);
    if (conn.open() && !conn.queue.empty()) state.want_write(conn);
  }
}

bool expire_cold_files(ReactorState& state) { return state.cold_files.expire(state.now_ms); }

}  // namespace ringlog
