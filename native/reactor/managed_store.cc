#include "reactor/managed_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int kWriters = 4;
constexpr size_t kWriteSlots = 64;
// Whole blocks that wait are written from here on; each write under way doubles it, so that a busy file makes few large
// writes and an idle disk is not kept waiting.
constexpr int64_t kLazyBytes = 64 * 1024;
constexpr int64_t kReserveMin = 1024 * 1024;
constexpr int64_t kReserveMax = 64 * 1024 * 1024;
// One zeroing job: short, as a write that has come up to it waits.
constexpr int64_t kFillBytes = 4 * 1024 * 1024;
constexpr int64_t kAgeMs = 1000;
// Syncs from one reservation to the next that make zeroing the next one worth its writes.
constexpr int kFillSyncs = 8;

constexpr int64_t kChunk = ManagedCache::kChunkBytes;

int64_t chunk_floor(int64_t position) { return position / kChunk * kChunk; }

// Where the file's last chunk ends.
int64_t chunks_end(const ManagedFile& file) {
  return chunk_floor(file.cached_from) + static_cast<int64_t>(file.chunks.size()) * kChunk;
}

}  // namespace

ManagedStore::ManagedStore(size_t arena_bytes, CompletionRing* cq)
    : cq_(cq), cache_(arena_bytes), threads_(kWriters), filler_(1) {}

ManagedStore::~ManagedStore() {
  while (jobs_ > 0 || fills_ > 0) {
    for (const auto& file : files_) {
      if (file == nullptr) continue;
      file->waiters.clear();
      file->wanted = 0;
      file->fill_to = 0;
      // No write is started any more.
      file->submitted = file->end;
    }
    wait();
  }
  if (tails_ != nullptr) tails_->drop();
}

int32_t ManagedStore::index_of(const ManagedFile& file) const { return by_fd_[static_cast<size_t>(file.plain_fd)]; }

// A file system may take O_DIRECT at open and refuse the writes, or promise no space: tried once a device.
int ManagedStore::probe_direct(int direct_fd, int64_t end) {
  struct stat status {};
  if (::fstat(direct_fd, &status) != 0) return -errno;
  const auto device = static_cast<uint64_t>(status.st_dev);
  if (std::find(proven_devices_.begin(), proven_devices_.end(), device) != proven_devices_.end()) return 0;
  const int64_t at = block_ceil(std::max<int64_t>(end, status.st_size));
  int result = reserve_blocks(direct_fd, at, kDirectBlock);
  if (result == 0) result = write_zeros(direct_fd, at, kDirectBlock);
  if (::ftruncate(direct_fd, status.st_size) != 0 && result == 0) result = -errno;
  if (result == 0) proven_devices_.push_back(device);
  return result;
}

int ManagedStore::manage(int fd, int64_t end, int64_t limit) {
  RINGLOG_CHECK_OP(fd, >=, 0);
  RINGLOG_CHECK(find(fd) == nullptr);
  if (!cache_.open()) return -ENOMEM;
  if (tails_ == nullptr) {
    tails_ = Mapping::create(kWriteSlots * static_cast<size_t>(kDirectBlock));
    if (tails_ == nullptr) return -ENOMEM;
    writes_.resize(kWriteSlots);
    for (size_t i = kWriteSlots; i-- > 0;) {
      writes_[i].tail = tails_->data() + i * static_cast<size_t>(kDirectBlock);
      free_writes_.push_back(static_cast<int32_t>(i));
    }
  }
  const int direct = open_direct(fd);
  if (direct < 0) return direct;
  auto file = std::make_unique<ManagedFile>();
  file->direct.reset(direct);
  if (const int refused = limit > end ? probe_direct(direct, end) : 0; refused < 0) return refused;
  struct stat status {};
  if (::fstat(direct, &status) != 0) return -errno;
  if (end % kDirectBlock != 0) {
    file->partial.reset(new uint8_t[static_cast<size_t>(kDirectBlock)]);
    const int64_t start = block_floor(end);
    const int64_t got = read_direct_at(direct, file->partial.get(), static_cast<size_t>(end - start), start);
    if (got != end - start) return got < 0 ? static_cast<int>(got) : -EIO;
  }
  file->synced = file->written = file->submitted = file->end = file->wanted = file->cached_from = end;
  file->allocated = std::max<int64_t>(end, block_floor(status.st_size));
  file->limit = limit;
  file->plain_fd = fd;
  file->serial = next_serial_++;
  int32_t index;
  if (free_files_.empty()) {
    index = static_cast<int32_t>(files_.size());
    files_.push_back(std::move(file));
  } else {
    index = free_files_.back();
    free_files_.pop_back();
    files_[static_cast<size_t>(index)] = std::move(file);
  }
  if (static_cast<size_t>(fd) >= by_fd_.size()) by_fd_.resize(static_cast<size_t>(fd) + 64, -1);
  by_fd_[static_cast<size_t>(fd)] = index;
  return 0;
}

void ManagedStore::release(int fd) {
  ManagedFile* file = find(fd);
  if (file == nullptr) return;
  const int32_t index = index_of(*file);
  by_fd_[static_cast<size_t>(fd)] = -1;
  file->plain_fd = -1;
  file->released = true;
  file->fill_to = 0;
  file->submitted = file->written = file->end;
  file->waiters.clear();
  count_dirty(*file);
  free_if_done(index);
}

void ManagedStore::free_if_done(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  if (!file.released || file.writes > 0 || file.syncing || file.filling || file.readers > 0) return;
  drop_chunks(file);
  files_[static_cast<size_t>(index)].reset();
  free_files_.push_back(index);
}

int ManagedStore::reserve(ManagedFile& file, int64_t bytes) {
  if (file.error != 0) return file.error;
  const int64_t need = block_ceil(file.end + bytes);
  if (need <= file.allocated) return 0;
  const int64_t from = block_floor(file.allocated);
  const int64_t step = std::clamp(file.allocated, kReserveMin, kReserveMax);
  int64_t to = std::max(need, std::min(from + step, block_ceil(file.limit)));
  int result = reserve_blocks(file.direct.get(), from, to - from);
  if (result == -ENOSPC && to > need) {
    to = need;
    result = reserve_blocks(file.direct.get(), from, to - from);
  }
  if (result < 0) return result;
  file.allocated = to;
  const bool pays = std::exchange(file.syncs_asked, 0) >= kFillSyncs;
  if (!pays) return 0;
  if (!file.filling) file.fill_from = need;
  file.fill_to = to;
  if (!file.filling) start_fill(index_of(file));
  return 0;
}

void ManagedStore::append(ManagedFile& file, const uint8_t* from, size_t length, int64_t now_ms) {
  const int32_t index = index_of(file);
  if (file.submitted == file.end) file.dirty_since_ms = now_ms;
  while (length > 0) {
    if (file.chunks.empty() || file.end == chunks_end(file)) {
      const int32_t chunk = take_chunk(index);
      if (file.chunks.empty()) {
        const int64_t start = block_floor(file.end);
        file.cached_from = start;
        if (file.end > start) {
          std::memcpy(cache_.data(chunk) + start % kChunk, file.partial.get(), static_cast<size_t>(file.end - start));
        }
      }
      file.chunks.push_back(chunk);
    }
    const int64_t at = file.end % kChunk;
    const size_t step = std::min(length, static_cast<size_t>(kChunk - at));
    std::memcpy(cache_.data(file.chunks.at(file.chunks.size() - 1)) + at, from, step);
    file.end += static_cast<int64_t>(step);
    count_dirty(file);
    from += step;
    length -= step;
  }
  RINGLOG_CHECK_OP(file.end, <=, file.allocated);
  if (file.touched) return;
  file.touched = true;
  touched_.push_back(index);
}

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

void ManagedStore::flush() {
  touched_now_.swap(touched_);
  for (const int32_t index : touched_now_) {
    ManagedFile* file = files_[static_cast<size_t>(index)].get();
    if (file == nullptr) continue;
    file->touched = false;
    start_writes(index);
  }
  touched_now_.clear();
  if (!pressed()) return;
  for (size_t i = 0; i < files_.size(); i++) want_all(static_cast<int32_t>(i));
}

bool ManagedStore::flush_aged(int64_t now_ms) {
  bool waits = false;
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
    if (free_writes_.empty()) {
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
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = run_write;
  job.ticket = slot;
  job.position = start;
  job.into = reinterpret_cast<uint8_t*>(&write);
  jobs_++;
  threads_.submit(job);
}

int64_t ManagedStore::run_write(const FileJob& job) {
  auto* write = reinterpret_cast<ManagedWrite*>(job.into);
  const int64_t wrote = write_all_at(write->fd, write->vectors, write->count, job.position);
  if (wrote < 0 || !write->sync) return wrote;
  const int synced = sync_data(write->fd);
  return synced < 0 ? synced : wrote;
}

int64_t ManagedStore::run_sync(const FileJob& job) { return sync_data(job.fd); }

int64_t ManagedStore::run_fill(const FileJob& job) {
  return write_zeros(job.fd, job.position, static_cast<int64_t>(job.length));
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
  const int64_t from = std::max(file.fill_from, block_ceil(file.end + kManagedWriteMax));
  file.fill_from = from;
  file.filling = from < file.fill_to && file.error == 0;
  if (!file.filling) return;
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = run_fill;
  job.fd = file.direct.get();
  job.ticket = index;
  job.position = from;
  job.length = static_cast<size_t>(std::min(kFillBytes, file.fill_to - from));
  counters_.filled_bytes += job.length;
  fills_++;
  filler_.submit(job);
}

void ManagedStore::on_write(const FileJob& job) {
  ManagedWrite& write = writes_[static_cast<size_t>(job.ticket)];
  const int32_t index = write.file;
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  const bool synced = write.sync;
  const int64_t end = write.end;
  write.file = -1;
  free_writes_.push_back(job.ticket);
  file.writes--;
  if (synced) file.syncing = false;
  if (job.result < 0) {
    fail(index, static_cast<int>(job.result));
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
  // A failed fill is no failure: the blocks are reserved and read as zeros as they are.
  if (job.result < 0) file.fill_to = 0;
  if (!file.released) {
    start_writes(index);
    start_fill(index);
  }
  free_if_done(index);
}

void ManagedStore::collect() {
  for (FileThreads* const threads : {&threads_, &filler_}) {
    threads->take_results(&results_);
    for (const FileJob& job : results_) {
      if (job.task == run_fill) {
        fills_--;
        on_fill(job);
        continue;
      }
      jobs_--;
      if (job.task == run_write) on_write(job);
      else on_sync(job);
    }
    results_.clear();
  }
  if (!touched_.empty()) flush();
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

void ManagedStore::fail(int32_t index, int error) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  if (file.error == 0) file.error = error;
  count_dirty(file);
  serve_waiters(index);
}

void ManagedStore::count_dirty(ManagedFile& file) {
  const bool clean = file.error != 0 || file.written >= file.end;
  const auto count = clean ? 0 : static_cast<int32_t>((file.end - 1) / kChunk - file.written / kChunk + 1);
  dirty_chunks_ += count - file.dirty_chunks;
  file.dirty_chunks = count;
}

int32_t ManagedStore::take_chunk(int32_t index) {
  for (;;) {
    const int32_t chunk = cache_.take(index);
    if (chunk >= 0) return chunk;
    if (evict(false) || evict(true)) continue;
    counters_.waits++;
    for (size_t i = 0; i < files_.size(); i++) want_all(static_cast<int32_t>(i));
    wait();
  }
}

// Gives up the oldest chunk whose bytes are on the disk, the last one of a file only when asked to.
bool ManagedStore::evict(bool last_too) {
  for (int32_t i = cache_.capacity(); i > 0; i--) {
    const int32_t chunk = cache_.oldest();
    if (chunk < 0) return false;
    ManagedFile& file = *files_[static_cast<size_t>(cache_.file_of(chunk))];
    const int64_t end = std::min(chunk_floor(file.cached_from) + kChunk, file.end);
    const bool clean = file.error != 0 ? file.writes == 0 : file.written >= end;
    const bool last = file.chunks.size() == 1;
    if (file.chunks.front() != chunk || !clean || (last && !last_too)) {
      cache_.renew(chunk);
      continue;
    }
    if (last) keep_partial(file);
    file.chunks.pop_front();
    file.cached_from = last ? file.end : end;
    cache_.give(chunk);
    counters_.evictions++;
    return true;
  }
  return false;
}

void ManagedStore::keep_partial(ManagedFile& file) {
  const int64_t start = block_floor(file.end);
  if (start == file.end) return;
  if (file.partial == nullptr) file.partial.reset(new uint8_t[static_cast<size_t>(kDirectBlock)]);
  copy(file, start, file.partial.get(), static_cast<size_t>(file.end - start));
}

void ManagedStore::drop_chunks(ManagedFile& file) {
  while (!file.chunks.empty()) {
    cache_.give(file.chunks.front());
    file.chunks.pop_front();
  }
  file.cached_from = file.end;
}

int ManagedStore::gather(const ManagedFile& file, int64_t position, uint64_t length, iovec* vectors, int count) const {
  RINGLOG_CHECK_OP(position, >=, file.cached_from);
  const int64_t end = std::min(file.end, position + static_cast<int64_t>(length));
  const int64_t first = chunk_floor(file.cached_from);
  int n = 0;
  while (position < end && n < count) {
    const auto at = static_cast<size_t>((position - first) / kChunk);
    const int64_t within = position % kChunk;
    const int64_t step = std::min(end - position, kChunk - within);
    vectors[n++] = iovec{cache_.data(file.chunks.at(at)) + within, static_cast<size_t>(step)};
    position += step;
  }
  return n;
}

size_t ManagedStore::copy(const ManagedFile& file, int64_t position, uint8_t* into, size_t length) const {
  size_t have = 0;
  while (have < length) {
    iovec vector;
    if (gather(file, position + static_cast<int64_t>(have), length - have, &vector, 1) == 0) break;
    std::memcpy(into + have, vector.iov_base, vector.iov_len);
    have += vector.iov_len;
  }
  return have;
}

void ManagedStore::wait() {
  RINGLOG_CHECK_OP(jobs_ + fills_, >, 0);
  if (jobs_ > 0) threads_.wait_for_result();
  else filler_.wait_for_result();
  collect();
}

void ManagedStore::wait_idle(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  file.fill_to = 0;
  while (file.writes > 0 || file.syncing || file.filling) wait();
}

int ManagedStore::sync_now(ManagedFile& file, int64_t target, bool durable) {
  const int32_t index = index_of(file);
  target = std::min(target, file.end);
  while (file.written < target) {
    file.wanted = file.end;
    start_writes(index);
    if (file.error != 0) return file.error;
    wait();
  }
  if (!durable || file.synced >= target) return 0;
  while (file.syncing) wait();
  if (file.error != 0) return file.error;
  const int64_t covers = file.written;
  counters_.syncs++;
  const int result = sync_data(file.direct.get());
  if (result < 0) {
    fail(index, result);
    return result;
  }
  file.synced = std::max(file.synced, covers);
  serve_waiters(index);
  return 0;
}

int ManagedStore::truncate(ManagedFile& file, int64_t length) {
  const int32_t index = index_of(file);
  RINGLOG_CHECK_OP(length, <=, file.end);
  // Neither what goes away nor what stays is written while the file is cut.
  const int64_t wanted = std::exchange(file.wanted, 0);
  wait_idle(index);
  if (length < file.cached_from) {
    drop_chunks(file);
    file.cached_from = length;
    const int64_t start = block_floor(length);
    if (start < length) {
      if (file.partial == nullptr) file.partial.reset(new uint8_t[static_cast<size_t>(kDirectBlock)]);
      const int64_t got = read_direct_at(file.direct.get(), file.partial.get(), static_cast<size_t>(length - start), start);
      if (got != length - start) return got < 0 ? static_cast<int>(got) : -EIO;
    }
  } else {
    while (!file.chunks.empty() && chunks_end(file) - kChunk >= length) {
      cache_.give(file.chunks.at(file.chunks.size() - 1));
      file.chunks.pop_back();
    }
  }
  if (::ftruncate(file.direct.get(), length) != 0) return -errno;
  file.end = length;
  file.allocated = length;
  file.serial = next_serial_++;
  file.read_to = -1;
  for (int64_t* mark : {&file.submitted, &file.written, &file.synced}) *mark = std::min(*mark, length);
  if (file.chunks.empty()) file.cached_from = length;
  file.wanted = std::min(wanted, length);
  for (ManagedFile::Waiter& waiter : file.waiters) waiter.target = std::min(waiter.target, length);
  count_dirty(file);
  serve_waiters(index);
  return 0;
}

int64_t ManagedStore::read_now(ManagedFile& file, uint8_t* into, size_t length, int64_t position) {
  const int64_t end = std::min(file.end, position + static_cast<int64_t>(length));
  if (position >= end) return 0;
  int64_t have = 0;
  if (position < file.cached_from) {
    const int64_t cold = std::min(end, file.cached_from) - position;
    have = read_direct_at(file.direct.get(), into, static_cast<size_t>(cold), position);
    if (have < cold) return have;
  }
  if (position + have < end) {
    have += static_cast<int64_t>(copy(file, position + have, into + have, static_cast<size_t>(end - position - have)));
  }
  return have;
}

}  // namespace ringlog
