#include "reactor/file_work.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "reactor/cold_read.h"
#include "reactor/read_ahead.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

// preadv2's flag, kernel 6.14: pages this read brings in are dropped afterwards, so history does not push the tail out.
constexpr uint32_t kRwfDontCache = 0x80;
constexpr uint32_t kRingEntries = 64;
// The ring's kernel threads, for reads that cannot be asynchronous on this file system.
constexpr uint32_t kRingWorkers = 2;

// False when the ring is closed or full, or the job is no read: the file threads take it.
bool submit_to_ring(ReactorState& state, const FileJob& job) {
  const bool direct_only = job.kind == FileJob::Kind::kColdRead || job.kind == FileJob::Kind::kReadAhead;
  if (job.kind != FileJob::Kind::kRead && !direct_only) return false;
  if (!state.ring.is_open() || state.ring.in_flight() >= kRingEntries) return false;
  // A buffered read takes pages, and copies out of them, in the thread that submits and reaps: a short one may, a chunk of
  // history held the shard up for half a millisecond.
  if (!job.direct && direct_only) return false;
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
  // Starts when the round ends.
  if (state.ring.read(job.fd, job.into, static_cast<uint32_t>(job.length), static_cast<uint64_t>(job.position), flags, place)) {
    return true;
  }
  state.free_ring_jobs.push_back(place);
  return false;
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

}  // namespace ringlog
