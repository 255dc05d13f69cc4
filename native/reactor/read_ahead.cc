#include "reactor/read_ahead.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "reactor/file_work.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int64_t kAheadBytes = 1024 * 1024;
constexpr int64_t kAheadLeast = 64 * 1024;
// With less than this before a reader, the next read begins: it is there before the reader is.
constexpr int64_t kAheadLead = kAheadBytes / 2;
constexpr int64_t kUnusedMs = 2000;

ReadEnd& end_at(ReactorState& state, uint64_t serial, int64_t position) {
  const uint64_t mixed = (serial * 0x9e3779b97f4a7c15u) ^ (static_cast<uint64_t>(position) * 0xff51afd7ed558ccdu);
  return state.read_ends[(mixed >> 32) % kReadEnds];
}

void give_up(ReactorState& state, ReadAhead& ahead) {
  state.pool.drop(ahead.block);
  ahead.block = -1;
  state.aheads_held--;
}

// The one that has the byte, or will have.
ReadAhead* find_ahead(ReactorState& state, uint64_t serial, int64_t position) {
  if (state.aheads_held == 0) return nullptr;
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block >= 0 && ahead.serial == serial && ahead.start <= position && position < ahead.end) return &ahead;
  }
  return nullptr;
}

// A place for one more, first of those whose block was read to its end: a reader alternates between two. Null when there is
// none. What is still to be read stays: with more readers than places, taking them from each other would read everything
// twice.
ReadAhead* free_place(ReactorState& state) {
  ReadAhead* place = nullptr;
  ReadAhead* read = nullptr;
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block < 0) place = &ahead;
    else if (!ahead.loading && ahead.read && (read == nullptr || ahead.used_ms < read->used_ms)) read = &ahead;
  }
  if (read == nullptr) return place;
  give_up(state, *read);
  return read;
}

// Of the page cache: dirty pages are not read directly (read_uncached), and those in memory need no disk.
bool worth_reading(const History& from, int64_t start, int64_t end) {
  if (from.cold_file < 0) return true;
  bool dirty = false;
  const int64_t resident = resident_bytes(from.fd, start, end - start, &dirty);
  return resident >= 0 && resident < end - start && !dirty;
}

void start(ReactorState& state, const History& from, int64_t position) {
  const ReadAhead* const before = find_ahead(state, from.serial, position);
  if (before != nullptr) {
    if (before->end - position > kAheadLead) return;
    position = before->end;
    if (find_ahead(state, from.serial, position) != nullptr) return;
  }
  const int64_t begin = block_floor(position);
  const int64_t end = std::min(begin + kAheadBytes, from.end);
  if (end - begin < kAheadLeast || state.pool.taken_bytes() * 2 > state.arena_map->bytes()) return;
  if (!worth_reading(from, begin, end)) return;
  ReadAhead* const ahead = free_place(state);
  if (ahead == nullptr) return;
  ahead->block = state.pool.take(static_cast<size_t>(kAheadBytes));
  if (ahead->block < 0) return;
  state.aheads_held++;
  state.ahead_reads++;
  ahead->serial = from.serial;
  ahead->cold_file = from.cold_file;
  if (from.managed != nullptr) ahead->managed = state.managed->begin_read(*from.managed);
  else state.cold_files.begin_read(from.cold_file);
  ahead->start = begin;
  ahead->end = end;
  ahead->loading = true;
  ahead->read = false;
  ahead->used_ms = state.now_ms;
  FileJob job{};
  job.kind = FileJob::Kind::kReadAhead;
  job.fd = from.fd;
  job.direct = true;
  job.ticket = static_cast<int32_t>(ahead - state.read_aheads);
  job.position = begin;
  job.into = state.arena + ahead->block;
  job.length = static_cast<size_t>(block_ceil(end) - begin);
  submit_job(state, job);
  state.keep_house_at(state.now_ms + kUnusedMs);
}

}  // namespace

Ahead take_read_ahead(ReactorState& state, Connection& conn, SendItem& item, uint64_t serial) {
  ReadAhead* const ahead = find_ahead(state, serial, item.position);
  if (ahead == nullptr) return Ahead::kNone;
  ahead->used_ms = state.now_ms;
  if (ahead->loading) {
    state.ahead_waits++;
    state.ahead_waiting.push_back(conn.index);
    return Ahead::kLoading;
  }
  const int64_t left = ahead->end - item.position;
  state.pool.hold(ahead->block);
  item.block = ahead->block;
  item.block_at = static_cast<uint32_t>(item.position - ahead->start);
  item.block_length = static_cast<uint32_t>(std::min<int64_t>(left, static_cast<int64_t>(item.length)));
  if (item.block_length == left) ahead->read = true;
  state.ahead_hits++;
  return Ahead::kGiven;
}

void note_cold_read(ReactorState& state, const History& from, int64_t begin, int64_t end) {
  const ReadEnd& known = end_at(state, from.serial, begin);
  const bool follows = known.serial == from.serial && known.end == begin;
  end_at(state, from.serial, end) = ReadEnd{from.serial, end};
  if (follows) start(state, from, end);
}

int64_t copy_read_ahead(ReactorState& state, uint64_t serial, int64_t position, uint8_t* into, size_t length) {
  const ReadAhead* const ahead = find_ahead(state, serial, position);
  if (ahead == nullptr || ahead->loading) return -EAGAIN;
  const auto bytes = static_cast<size_t>(std::min<int64_t>(ahead->end - position, static_cast<int64_t>(length)));
  std::memcpy(into, state.arena + ahead->block + (position - ahead->start), bytes);
  return static_cast<int64_t>(bytes);
}

void finish_read_ahead(ReactorState& state, const FileJob& job) {
  ReadAhead& ahead = state.read_aheads[job.ticket];
  ahead.loading = false;
  if (ahead.cold_file < 0) state.managed->end_read(ahead.managed);
  else state.cold_files.end_read(ahead.cold_file, job.result == -EINVAL);
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
  if (state.aheads_held == 0) return false;
  for (ReadAhead& ahead : state.read_aheads) {
    if (ahead.block < 0 || ahead.loading) continue;
    if (state.starved || state.now_ms - ahead.used_ms >= kUnusedMs) give_up(state, ahead);
  }
  return state.aheads_held > 0;
}

}  // namespace ringlog
