#include "reactor/read_ahead.h"

#include <algorithm>

#include "reactor/file_work.h"
#include "sys/direct_file.h"

namespace ringlog {

namespace {

constexpr int64_t kAheadBytes = 1024 * 1024;
constexpr int64_t kAheadLeast = 64 * 1024;
constexpr int64_t kUnusedMs = 2000;

void give_up(ReactorState& state, ReadAhead& ahead) {
  state.pool.drop(ahead.block);
  ahead.block = -1;
}

// A place for one more, perhaps that of the one unused for longest; null while all are being read.
ReadAhead* free_place(ReactorState& state) {
  ReadAhead* oldest = nullptr;
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block < 0) return &ahead;
    if (!ahead.loading && (oldest == nullptr || ahead.used_ms < oldest->used_ms)) oldest = &ahead;
  }
  if (oldest != nullptr) give_up(state, *oldest);
  return oldest;
}

void start(ReactorState& state, ManagedFile& file, int64_t position) {
  const int64_t from = block_floor(position);
  const int64_t end = std::min(from + kAheadBytes, file.cached_from);
  if (end - from < kAheadLeast || state.pool.taken_bytes() * 2 > state.arena_map->bytes()) return;
  for (const ReadAhead& ahead : state.read_aheads) {
    if (ahead.block >= 0 && ahead.serial == file.serial && ahead.start <= position && position < ahead.end) return;
  }
  ReadAhead* const ahead = free_place(state);
  if (ahead == nullptr) return;
  ahead->block = state.pool.take(static_cast<size_t>(kAheadBytes));
  if (ahead->block < 0) return;
  ahead->serial = file.serial;
  ahead->file = state.managed->begin_read(file);
  ahead->start = from;
  ahead->end = end;
  ahead->loading = true;
  ahead->used_ms = state.now_ms;
  FileJob job{};
  job.kind = FileJob::Kind::kReadAhead;
  job.fd = file.direct.get();
  job.direct = true;
  job.ticket = static_cast<int32_t>(ahead - state.read_aheads);
  job.position = from;
  job.into = state.arena + ahead->block;
  job.length = static_cast<size_t>(block_ceil(end) - from);
  submit_job(state, job);
  state.keep_house_at(state.now_ms + kUnusedMs);
}

}  // namespace

Ahead take_read_ahead(ReactorState& state, Connection& conn, SendItem& item, const ManagedFile& file) {
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block < 0 || ahead.serial != file.serial || item.position < ahead.start || item.position >= ahead.end) continue;
    ahead.used_ms = state.now_ms;
    if (ahead.loading) {
      state.ahead_waiting.push_back(conn.index);
      return Ahead::kLoading;
    }
    state.pool.hold(ahead.block);
    item.block = ahead.block;
    item.block_at = static_cast<uint32_t>(item.position - ahead.start);
    item.block_length = static_cast<uint32_t>(std::min<int64_t>(ahead.end - item.position, static_cast<int64_t>(item.length)));
    state.ahead_hits++;
    return Ahead::kGiven;
  }
  return Ahead::kNone;
}

void note_cold_read(ReactorState& state, ManagedFile& file, int64_t begin, int64_t end) {
  const bool follows = file.read_to == begin;
  file.read_to = end;
  if (follows) start(state, file, end);
}

void finish_read_ahead(ReactorState& state, const FileJob& job) {
  ReadAhead& ahead = state.read_aheads[job.ticket];
  ahead.loading = false;
  state.managed->end_read(ahead.file);
  ahead.end = std::min(ahead.end, ahead.start + std::max<int64_t>(job.result, 0));
  // A failure is told to whoever reads these bytes because they want them.
  if (ahead.end <= ahead.start) give_up(state, ahead);
  std::vector<int32_t> waiting;
  waiting.swap(state.ahead_waiting);
  for (const int32_t index : waiting) {
    Connection& conn = state.connections.at(index);
    if (conn.open() && conn.writable && !conn.queue.empty()) state.want_write(conn);
  }
}

bool expire_read_ahead(ReactorState& state) {
  bool held = false;
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block < 0) continue;
    if (!ahead.loading && (state.starved || state.now_ms - ahead.used_ms >= kUnusedMs)) give_up(state, ahead);
    else held = true;
  }
  return held;
}

}  // namespace ringlog
