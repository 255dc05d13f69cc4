// Bytes of managed files on their way to the disk: which are written when, what follows a write, zeros ahead of them, syncs.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/check.h"
#include "reactor/managed_store.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

// Whole blocks that wait are written from here on; each write under way doubles it, so that a busy file makes few large
// writes and an idle disk is not kept waiting.
constexpr int64_t kLazyBytes = 64 * 1024;
// One zeroing job: short, as a write that has come up to it waits.
constexpr int64_t kFillBytes = 4 * 1024 * 1024;
// Fenced before anything is written: little, as all writes wait for it. The rest is fenced at once behind it.
constexpr int64_t kFencedFirst = 64 * 1024 * 1024;
constexpr int64_t kAgeMs = 1000;

// The kernel's ring could not, which says nothing of the disk.
bool is_passing(int32_t error) { return error == -EAGAIN || error == -EINTR || error == -ECANCELED || error == -ENOMEM; }

bool is_out_of_space(int64_t error) { return error == -ENOSPC || error == -EDQUOT; }

}  // namespace

void ManagedStore::sync(ManagedFile& file, int32_t ticket) {
  const int32_t index = index_of(file);
  file.waiters.push_back({file.end, ticket});
  file.syncs_asked++;
  file.wanted = file.end;
  start_writes(index);
  serve_waiters(index);
}

void ManagedStore::want_all(int32_t index) {
  ManagedFile* file = files_[static_cast<size_t>(index)].get();
  if (file == nullptr || file->released || file->submitted == file->end) return;
  file->wanted = file->end;
  start_writes(index);
}

void ManagedStore::flush(bool all) {
  touched_now_.swap(touched_);
  for (const int32_t index : touched_now_) {
    ManagedFile* file = files_[static_cast<size_t>(index)].get();
    if (file == nullptr) continue;
    file->touched = false;
    start_writes(index);
  }
  touched_now_.clear();
  if (all || pressed()) {
    for (size_t i = 0; i < files_.size(); i++) want_all(static_cast<int32_t>(i));
  }
  // Writes of all files in one call. What the kernel does not take now (-EAGAIN) goes with the next.
  ring_.submit();
}

bool ManagedStore::flush_aged(int64_t now_ms) {
  bool waits = refused_ > 0;
  if (waits) retry_refused(false);
  for (size_t i = 0; i < files_.size(); i++) {
    ManagedFile* file = files_[i].get();
    if (file == nullptr || file->submitted == file->end) continue;
    if (now_ms - file->dirty_since_ms >= kAgeMs) want_all(static_cast<int32_t>(i));
    waits = waits || file->submitted < file->end;
  }
  return waits;
}

void ManagedStore::start_writes(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  // flush_aged() sees to it when there is room.
  if (is_full(file)) return;
  while (file.error == 0 && file.submitted < file.end && file.writes < kManagedWrites) {
    // Rule b: the block the next write begins in is on its way.
    if (file.submitted % kDirectBlock != 0 && file.written < file.submitted) return;
    const int64_t start = block_floor(file.submitted);
    int64_t end = file.end;
    if (file.submitted >= file.wanted) {
      end = block_floor(end);
      if (end - start < std::min(kLazyBytes << file.writes, kManagedWriteMax)) return;
    }
    end = std::min(end, start + kManagedWriteMax);
    if (file.filling && end > file.fill_from) end = file.fill_from;
    if (end <= file.submitted) return;
    if (!may_write()) {
      // Again when one is free: collect() ends with a flush().
      if (!file.touched) touched_.push_back(index);
      file.touched = true;
      return;
    }
    start_write(index, end);
  }
}

void ManagedStore::start_write(int32_t index, int64_t end) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  const int32_t slot = free_writes_.back();
  free_writes_.pop_back();
  ManagedWrite& write = writes_[static_cast<size_t>(slot)];
  write.file = index;
  write.fd = file.direct.get();
  write.start = file.submitted;
  write.end = end;
  write.sync = !file.waiters.empty() && !file.syncing && file.writes == 0 && end == file.end;
  write.sync_failed = false;
  write.last_try = false;
  write.count = 0;
  const int64_t start = block_floor(file.submitted);
  const int64_t whole = block_floor(end);
  write.count = start < whole ? gather(file, start, static_cast<uint64_t>(whole - start), write.vectors,
                                       static_cast<int>(std::size(write.vectors)) - 1)
                              : 0;
  if (whole < end) {
    const auto bytes = static_cast<size_t>(end - whole);
    RINGLOG_CHECK_OP(copy(file, whole, write.tail, bytes), ==, bytes);
    std::memset(write.tail + bytes, 0, static_cast<size_t>(kDirectBlock) - bytes);
    write.vectors[write.count++] = iovec{write.tail, static_cast<size_t>(kDirectBlock)};
  }
  if (write.sync) {
    file.syncing = true;
    file.syncing_to = end;
    counters_.syncs++;
  }
  file.submitted = end;
  if (end == file.end) file.dirty_since_ms = -1;
  file.writes++;
  counters_.writes++;
  counters_.written_bytes += static_cast<uint64_t>(block_ceil(end) - start);
  jobs_++;
  if (!write_by_ring(slot, start)) write_by_thread(slot, start);
}

// False: a thread has to do it, as a write that its sync follows (one job), or without a ring. Starts with the next flush(),
// collect() or wait().
bool ManagedStore::write_by_ring(int32_t slot, int64_t start) {
  const ManagedWrite& write = writes_[static_cast<size_t>(slot)];
  if (write.sync) return false;
  const auto count = static_cast<uint32_t>(write.count);
  return ring_.write(write.fd, write.vectors, count, static_cast<uint64_t>(start), static_cast<uint64_t>(slot));
}

void ManagedStore::write_by_thread(int32_t slot, int64_t start) {
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = run_write;
  job.ticket = slot;
  job.position = start;
  job.into = reinterpret_cast<uint8_t*>(&writes_[static_cast<size_t>(slot)]);
  threads_.submit(job);
}

void ManagedStore::collect_ring() {
  IoUring::Completion done[16];
  uint32_t count;
  while ((count = ring_.reap(done, 16)) > 0) {
    for (uint32_t i = 0; i < count; i++) {
      const auto slot = static_cast<int32_t>(done[i].user_data);
      const int32_t result = done[i].result;
      const ManagedWrite& write = writes_[static_cast<size_t>(slot)];
      const int64_t start = block_floor(write.start);
      const bool whole = result == block_ceil(write.end) - start;
      if (whole || (result < 0 && !is_passing(result))) {
        jobs_--;
        on_write(slot, result);
      } else {
        // Cut short: the same bytes again by a thread, which goes on to the end or says why not.
        write_by_thread(slot, start);
      }
    }
  }
}

void ManagedStore::start_sync(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  file.syncing = true;
  file.syncing_to = file.written;
  counters_.syncs++;
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = run_sync;
  job.fd = file.direct.get();
  job.ticket = index;
  jobs_++;
  threads_.submit(job);
}

void ManagedStore::start_fill(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  // What is appended soon is written over anyway.
  if (!file.fencing) file.fill_from = std::max(file.fill_from, block_ceil(file.end + kManagedWriteMax));
  file.filling = file.fill_from < file.fill_to && file.error == 0;
  file.fencing = file.fencing && file.filling;
  if (!file.filling) return;
  const int64_t step = file.fencing ? (file.fill_from == 0 ? kFencedFirst : INT64_MAX) : kFillBytes;
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = file.fencing ? run_fence : run_fill;
  job.fd = file.direct.get();
  job.ticket = index;
  job.position = file.fill_from;
  job.length = static_cast<size_t>(std::min(step, file.fill_to - file.fill_from));
  counters_.filled_bytes += file.fencing ? job.length / kFenceStep * kDirectBlock : job.length;
  fills_++;
  filler_.submit(job);
}

// The blocks behind the file's end hold batches of an earlier life.
void ManagedStore::start_fencing(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  RINGLOG_CHECK_OP(file.end, ==, 0);
  file.fill_from = 0;
  file.fill_to = file.allocated;
  file.fencing = true;
  start_fill(index);
}

// They could not all be fenced: without them, then, as a new file. Nothing was written there.
void ManagedStore::drop_unfenced(int32_t index, int64_t from, int32_t error) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  if (!is_out_of_space(error)) return fail(index, error);
  if (::ftruncate(file.direct.get(), from) != 0) return fail(index, -errno);
  file.allocated = from;
  // No room for what was promised is told by the write that does not find it.
  if (const int64_t need = block_ceil(file.end); need > from && reserve_blocks(file.direct.get(), from, need - from) == 0) {
    file.allocated = need;
  }
}

int64_t ManagedStore::run_write(const FileJob& job) {
  auto* write = reinterpret_cast<ManagedWrite*>(job.into);
  const int64_t wrote = write_all_at(write->fd, write->vectors, write->count, job.position);
  if (wrote < 0 || !write->sync) return wrote;
  const int synced = sync_data(write->fd);
  write->sync_failed = synced < 0;
  return synced < 0 ? synced : wrote;
}

int64_t ManagedStore::run_sync(const FileJob& job) { return sync_data(job.fd); }

int64_t ManagedStore::run_fill(const FileJob& job) {
  return write_zeros(job.fd, job.position, static_cast<int64_t>(job.length));
}

int64_t ManagedStore::run_fence(const FileJob& job) {
  return write_fences(job.fd, job.position, static_cast<int64_t>(job.length));
}

void ManagedStore::collect() {
  collect_ring();
  for (FileThreads* const threads : {&threads_, &filler_}) {
    threads->take_results(&results_);
    for (const FileJob& job : results_) {
      if (job.task == run_fill || job.task == run_fence || job.task == run_reserve) {
        fills_--;
        if (job.task == run_reserve) on_reserve(job);
        else on_fill(job);
        continue;
      }
      jobs_--;
      if (job.task == run_write) on_write(job.ticket, job.result);
      else on_sync(job);
    }
    results_.clear();
  }
  if (!touched_.empty()) flush();
  // What the writes that ended have made way for.
  ring_.submit();
}

void ManagedStore::on_write(int32_t slot, int64_t result) {
  ManagedWrite& write = writes_[static_cast<size_t>(slot)];
  const int32_t index = write.file;
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  const bool synced = write.sync;
  const int64_t end = write.end;
  write.retried = false;
  note_refused(write, is_out_of_space(result) && !write.sync_failed && !write.last_try && !file.released && file.error == 0);
  if (write.refused) {
    if (synced) file.syncing = false;
    write.sync = false;
    if (free_writes_.empty()) (void)add_writes();
    return;
  }
  write.file = -1;
  free_writes_.push_back(slot);
  file.writes--;
  if (synced) file.syncing = false;
  if (result < 0) {
    fail(index, static_cast<int>(result));
  } else if (!file.released) {
    int64_t written = file.submitted;
    for (const ManagedWrite& other : writes_) {
      if (other.file == index) written = std::min(written, other.start);
    }
    file.written = std::max(file.written, written);
    if (synced) file.synced = std::max(file.synced, end);
    count_dirty(file);
    serve_waiters(index);
    start_writes(index);
  }
  free_if_done(index);
}

void ManagedStore::on_sync(const FileJob& job) {
  const int32_t index = job.ticket;
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  file.syncing = false;
  if (job.result < 0) {
    fail(index, static_cast<int>(job.result));
  } else {
    file.synced = std::max(file.synced, file.syncing_to);
    serve_waiters(index);
  }
  free_if_done(index);
}

void ManagedStore::on_fill(const FileJob& job) {
  const int32_t index = job.ticket;
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  file.filling = false;
  file.fill_from = job.position + static_cast<int64_t>(job.length);
  if (job.result < 0) {
    // A failed fill with zeros is no failure: the blocks are reserved and read as zeros as they are.
    file.fill_to = 0;
    if (job.task == run_fence && !file.released) drop_unfenced(index, job.position, static_cast<int32_t>(job.result));
  }
  if (!file.released) {
    // In this order: no write may overtake the fences.
    start_fill(index);
    start_writes(index);
  }
  free_if_done(index);
}

void ManagedStore::serve_waiters(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  size_t kept = 0;
  int64_t least = -1;
  for (const ManagedFile::Waiter& waiter : file.waiters) {
    if (file.error != 0 || waiter.target <= file.synced) {
      cq_->push(Cq::SYNCED, file.plain_fd, 0, file.error, waiter.ticket);
      continue;
    }
    if (least < 0 || waiter.target < least) least = waiter.target;
    file.waiters[kept++] = waiter;
  }
  file.waiters.resize(kept);
  if (kept > 0 && !file.syncing && file.written >= least) start_sync(index);
}

void ManagedStore::note_refused(ManagedWrite& write, bool refused) {
  if (write.refused == refused) return;
  write.refused = refused;
  refused_ += refused ? 1 : -1;
  std::vector<uint64_t> full;
  for (const ManagedWrite& each : writes_) {
    if (!each.refused) continue;
    const uint64_t device = files_[static_cast<size_t>(each.file)]->device;
    if (std::find(full.begin(), full.end(), device) == full.end()) full.push_back(device);
  }
  // One more refusal of a device that is full.
  if (full.size() == full_devices_.size() && std::is_permutation(full.begin(), full.end(), full_devices_.begin())) return;
  full_devices_.swap(full);
  stuck_chunks_ = 0;
  for (const auto& file : files_) {
    if (file != nullptr && is_full(*file)) stuck_chunks_ += file->dirty_chunks;
  }
}

void ManagedStore::retry_refused(bool last_try) {
  for (size_t slot = 0; slot < writes_.size(); slot++) {
    ManagedWrite& write = writes_[slot];
    if (!write.refused || write.retried) continue;
    write.retried = true;
    write.last_try = last_try;
    jobs_++;
    write_by_thread(static_cast<int32_t>(slot), block_floor(write.start));
  }
}

void ManagedStore::forget_refused(int32_t index) {
  for (size_t slot = 0; slot < writes_.size() && refused_ > 0; slot++) {
    ManagedWrite& write = writes_[slot];
    // One under way ends first.
    if (!write.refused || write.retried || write.file != index) continue;
    note_refused(write, false);
    write.file = -1;
    free_writes_.push_back(static_cast<int32_t>(slot));
    files_[static_cast<size_t>(index)]->writes--;
  }
}

void ManagedStore::fail(int32_t index, int error) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  if (file.error == 0) file.error = error;
  forget_refused(index);
  count_dirty(file);
  serve_waiters(index);
}

}  // namespace ringlog
