#include "reactor/file_work.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "reactor/connection_close.h"
#include "reactor/read_ahead.h"
#include "reactor/send.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int64_t kChunkBytes = 1024 * 1024;

// preadv2's flag, kernel 6.14: pages this read brings in are dropped afterwards, so history does not push the tail out.
constexpr uint32_t kRwfDontCache = 0x80;
constexpr uint32_t kRingEntries = 64;
// The ring's kernel threads, for reads that cannot be asynchronous on this file system.
constexpr uint32_t kRingWorkers = 2;

// False when the ring is closed or full, or the job is no read: the file threads take it.
bool submit_to_ring(ReactorState& state, const FileJob& job) {
  const bool reads = job.kind == FileJob::Kind::kRead || job.kind == FileJob::Kind::kColdRead || job.kind == FileJob::Kind::kReadAhead;
  if (!reads || !state.ring.is_open() || state.ring.in_flight() >= kRingEntries) return false;
  // Where the kernel does not drop what a read brought in, the file threads do.
  if (!job.direct && !state.dontcache_works) return false;
  // Of any alignment: read through a buffer.
  if (job.direct && job.kind == FileJob::Kind::kRead) return false;
  uint32_t place;
  if (state.free_ring_jobs.empty()) {
    place = static_cast<uint32_t>(state.ring_jobs.size());
    state.ring_jobs.push_back(job);
  } else {
    place = state.free_ring_jobs.back();
    state.free_ring_jobs.pop_back();
    state.ring_jobs[place] = job;
  }
  const uint32_t flags = job.direct ? 0 : kRwfDontCache;
  if (state.ring.read(job.fd, job.into, static_cast<uint32_t>(job.length), static_cast<uint64_t>(job.position), flags, place)) {
    state.ring_queued = true;
    return true;
  }
  state.free_ring_jobs.push_back(place);
  return false;
}

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

// `file` is the managed file behind the item, or null.
void start_cold_read(ReactorState& state, Connection& conn, SendItem& item, const ManagedFile* file) {
  auto wanted = static_cast<int64_t>(std::min<uint64_t>(item.length, kChunkBytes));
  int64_t start = item.position;
  auto length = static_cast<size_t>(wanted);
  if (file != nullptr) {
    // What lies in the arena may not be on the disk yet.
    wanted = std::min(wanted, file->cached_from - start);
    start = block_floor(start);
    length = static_cast<size_t>(block_ceil(item.position + wanted) - start);
  }
  const int32_t block = state.pool.take(length);
  if (block < 0) {
    state.cold_waiting.push_back(conn.index);
    if (!state.starved) state.starved_since_ms = state.now_ms;
    state.starved = true;
    return;
  }
  state.cold_reads_total++;
  const int32_t index = cold_slot(state);
  ColdRead& cold = state.cold_reads[static_cast<size_t>(index)];
  cold.conn = conn.index;
  cold.generation = conn.generation;
  cold.block = block;
  cold.skip = static_cast<uint32_t>(item.position - start);
  cold.wanted = static_cast<uint32_t>(wanted);
  item.cold = index;
  FileJob job{};
  job.kind = FileJob::Kind::kColdRead;
  job.fd = file != nullptr ? file->direct.get() : item.file;
  job.direct = file != nullptr;
  job.ticket = index;
  job.position = start;
  job.into = state.arena + block;
  job.length = length;
  submit_job(state, job);
}

void finish_cold_read(ReactorState& state, const FileJob& job) {
  const ColdRead cold = state.cold_reads[static_cast<size_t>(job.ticket)];
  state.free_cold_reads.push_back(job.ticket);
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
    // The length of the answer has been promised: without these bytes the connection cannot go on.
    close_connection(state, *conn, job.result < 0 ? static_cast<int32_t>(job.result) : -EIO);
    return;
  }
  item.block = cold.block;
  item.block_at = cold.skip;
  item.block_length = static_cast<uint32_t>(got);
  if (conn->writable) state.want_write(*conn);
}

void finish_job(ReactorState& state, const FileJob& job) {
  state.jobs_in_flight--;
  switch (job.kind) {
    case FileJob::Kind::kSync:
      state.cq.push(Cq::SYNCED, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
      return;
    case FileJob::Kind::kRead:
      state.cq.push(Cq::READ_DONE, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
      return;
    case FileJob::Kind::kColdRead:
      finish_cold_read(state, job);
      return;
    case FileJob::Kind::kReadAhead:
      finish_read_ahead(state, job);
      return;
    case FileJob::Kind::kWriteBack:
      state.cq.push(Cq::WRITTEN_BACK, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
      return;
    case FileJob::Kind::kVerify:
      state.cq.push(Cq::VERIFIED, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
      return;
    case FileJob::Kind::kCommit:
    case FileJob::Kind::kTask:
      RINGLOG_CHECK(!"commits and managed files have threads of their own");
  }
}

// A short or refused read is finished by the file threads, which loop to the end of the file and know the plain form.
void finish_ring_read(ReactorState& state, FileJob& job, int32_t result) {
  // A direct read that is short has met the end of the file: what is left of it is not aligned.
  if (result == static_cast<int32_t>(job.length) || (job.direct && result >= 0)) {
    job.result = result;
    finish_job(state, job);
    return;
  }
  if ((result == -EOPNOTSUPP || result == -EINVAL) && !job.direct) state.dontcache_works = false;
  if (result > 0) {
    job.before = static_cast<size_t>(result);
    job.into += result;
    job.position += result;
    job.length -= static_cast<size_t>(result);
  } else if (result == 0 || (result != -EOPNOTSUPP && result != -EINVAL && result != -EAGAIN && result != -EINTR)) {
    job.result = result;
    finish_job(state, job);
    return;
  }
  state.file_threads->submit(job);
}

}  // namespace

void submit_job(ReactorState& state, const FileJob& job) {
  state.jobs_in_flight++;
  // A flag of the open file; setting it costs less than remembering that it is set.
  const bool buffered = !job.direct && (job.kind == FileJob::Kind::kRead || job.kind == FileJob::Kind::kColdRead);
  if (buffered) stop_read_ahead(job.fd);
  if (!submit_to_ring(state, job)) state.file_threads->submit(job);
}

void submit_sync(ReactorState& state, int fd, int32_t ticket) {
  if (ManagedFile* file = state.managed->find(fd); file != nullptr) return state.managed->sync(*file, ticket);
  FileJob job{};
  job.kind = FileJob::Kind::kSync;
  job.fd = fd;
  job.ticket = ticket;
  submit_job(state, job);
}

void submit_write_back(ReactorState& state, int fd, int64_t position, int32_t length, int32_t ticket) {
  FileJob job{};
  job.kind = FileJob::Kind::kWriteBack;
  job.fd = fd;
  job.ticket = ticket;
  job.position = position;
  job.length = static_cast<size_t>(length);
  submit_job(state, job);
}

void submit_verify(ReactorState& state, int fd, int32_t cells, int32_t ticket) {
  static_assert(VerifyCell::POSITION == 0 && VerifyCell::LIMIT_OFFSET == 4 && VerifyCell::STATUS == 5 && VerifyCell::CELLS == 9);
  RINGLOG_CHECK(cells >= 0 && cells % 8 == 0);
  RINGLOG_CHECK_OP(static_cast<size_t>(cells) + VerifyCell::CELLS * sizeof(double), <=, state.arena_map->bytes());
  FileJob job{};
  job.kind = FileJob::Kind::kVerify;
  job.fd = fd;
  job.ticket = ticket;
  job.cells = reinterpret_cast<double*>(state.arena + cells);
  submit_job(state, job);
}

void submit_read(ReactorState& state, int fd, int64_t position, int32_t offset, int32_t length, int32_t ticket) {
  FileJob job{};
  job.kind = FileJob::Kind::kRead;
  job.fd = fd;
  job.ticket = ticket;
  job.position = position;
  job.into = state.arena + offset;
  job.length = static_cast<size_t>(length);
  if (ManagedFile* file = state.managed->find(fd); file != nullptr) {
    job.fd = file->direct.get();
    job.direct = true;
    const int64_t cold = std::clamp<int64_t>(file->cached_from - position, 0, length);
    // The arena's part is copied now: later it may have been given up.
    job.before = state.managed->copy(*file, position + cold, job.into + cold, static_cast<size_t>(length - cold));
    job.length = static_cast<size_t>(cold);
  }
  submit_job(state, job);
}

int open_ring(ReactorState& state) { return state.ring.open(kRingEntries, kRingWorkers); }

void flush_ring(ReactorState& state) {
  if (!state.ring_queued) return;
  // What the kernel does not take now (-EAGAIN) stays queued and goes with the next flush: `ring_queued` stays set.
  const int taken = state.ring.submit();
  if (taken >= 0) state.ring_queued = false;
}

void collect_ring(ReactorState& state) {
  IoUring::Completion done[32];
  uint32_t count;
  while ((count = state.ring.reap(done, 32)) > 0) {
    for (uint32_t i = 0; i < count; i++) {
      const auto place = static_cast<uint32_t>(done[i].user_data);
      FileJob job = state.ring_jobs[place];
      state.free_ring_jobs.push_back(place);
      finish_ring_read(state, job, done[i].result);
    }
  }
}

void collect_file_work(ReactorState& state) {
  state.file_threads->take_results(&state.finished_jobs);
  for (const FileJob& job : state.finished_jobs) finish_job(state, job);
  state.finished_jobs.clear();
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
    const int64_t resident = resident_bytes(item.file, item.position, chunk_end - item.position);
    if (resident >= 0 && resident < chunk_end - item.position) {
      start_cold_read(state, conn, item, nullptr);
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
  start_cold_read(state, conn, item, &file);
  if (item.cold >= 0) note_cold_read(state, file, start, start + state.cold_reads[static_cast<size_t>(item.cold)].wanted);
  return false;
}

void retry_cold(ReactorState& state) {
  if (state.cold_waiting.empty() || state.starved) return;
  std::vector<int32_t> waiting;
  waiting.swap(state.cold_waiting);
  for (const int32_t index : waiting) {
    Connection& conn = state.connections.at(index);
    if (conn.open() && !conn.queue.empty()) pump(state, conn);
  }
}

}  // namespace ringlog
