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
constexpr int64_t kColdUnusedMs = 2000;

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

struct ColdSource {
  int fd;
  bool direct;
  // The file's bytes end here as far as this read is concerned.
  int64_t end;
  // In ReactorState::cold_files, or -1.
  int32_t cold_file;
};

// False when there is no memory: the connection is noted.
bool start_cold_read(ReactorState& state, Connection& conn, SendItem& item, const ColdSource& from) {
  const int64_t wanted = std::min({static_cast<int64_t>(item.length), kChunkBytes, from.end - item.position});
  const int64_t start = from.direct ? block_floor(item.position) : item.position;
  const int64_t end = from.direct ? block_ceil(item.position + wanted) : item.position + wanted;
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
  item.cold = index;
  FileJob job{};
  job.kind = FileJob::Kind::kColdRead;
  job.fd = from.fd;
  job.direct = from.direct;
  job.ticket = index;
  job.position = start;
  job.into = state.arena + block;
  job.length = static_cast<size_t>(end - start);
  submit_job(state, job);
  return true;
}

// Dirty pages are not asked for directly: the kernel would write them to the disk first, with the file locked against
// appends. Nor is a file that is being appended to without the ring, as a thread holds that lock while it waits.
void start_history_read(ReactorState& state, Connection& conn, SendItem& item, bool dirty) {
  ColdSource from{item.file, false, INT64_MAX, -1};
  const bool appended = !state.ring.is_open() && state.tails.knows(item.file);
  if (!dirty && !appended) from.cold_file = state.cold_files.begin_read(item.file, state.now_ms);
  if (from.cold_file >= 0) {
    from.fd = state.cold_files.descriptor(from.cold_file);
    from.direct = true;
    state.direct_reads++;
    state.keep_house_at(state.now_ms + kColdUnusedMs);
  }
  if (!start_cold_read(state, conn, item, from) && from.cold_file >= 0) state.cold_files.end_read(from.cold_file, false);
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
    if (refused) start_history_read(state, *conn, item, true);
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
      start_history_read(state, conn, item, dirty);
      return false;
    }
    // An old kernel, or a file the kernel will not tell about: send it as if resident.
    if (resident == -ENOSYS || resident == -EPERM) state.cachestat_works = false;
  }
  item.resident_until = chunk_end;
  return true;
}

bool read_cold(ReactorState& state, Connection& conn, SendItem& item, ManagedFile& file) {
  const int64_t start = item.position;
  switch (take_read_ahead(state, conn, item, file)) {
    case Ahead::kGiven:
      note_cold_read(state, file, start, start + item.block_length);
      return true;
    case Ahead::kLoading:
      return false;
    case Ahead::kNone:
      break;
  }
  // What lies in the arena may not be on the disk yet.
  start_cold_read(state, conn, item, {file.direct.get(), true, file.cached_from, -1});
  if (item.cold >= 0) note_cold_read(state, file, start, start + state.cold_reads[static_cast<size_t>(item.cold)].wanted);
  return false;
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

bool expire_cold_files(ReactorState& state) { return state.cold_files.expire(state.now_ms, kColdUnusedMs); }

}  // namespace ringlog
