// Files taken over and let go, cut, and whatever waits in place. Bytes in memory: managed_arena.cc; on their way to the disk:
// managed_writes.cc.

#include "reactor/managed_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int kWriters = 4;

}  // namespace

ManagedStore::ManagedStore(size_t arena_bytes, CompletionRing* cq, bool io_uring)
    : cq_(cq), cache_(arena_bytes), threads_(kWriters), filler_(1) {
  // Refused is no failure.
  if (io_uring) ring_.open(kManagedWriteSlots, kWriters);
}

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
  for (Mapping* const tails : tails_) tails->drop();
}

bool ManagedStore::add_writes() {
  constexpr auto kTail = static_cast<size_t>(kDirectBlock);
  Mapping* const tails = Mapping::create(kManagedWriteSlots * kTail);
  if (tails == nullptr) return false;
  tails_.push_back(tails);
  const size_t first = writes_.size();
  writes_.resize(first + kManagedWriteSlots);
  for (size_t i = kManagedWriteSlots; i-- > 0;) {
    writes_[first + i].tail = tails->data() + i * kTail;
    free_writes_.push_back(static_cast<int32_t>(first + i));
  }
  return true;
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
  if (writes_.empty() && !add_writes()) return -ENOMEM;
  const int direct = open_direct(fd);
  if (direct < 0) return direct;
  auto file = std::make_unique<ManagedFile>();
  file->direct.reset(direct);
  // What was sent of its earlier life may still be in a socket, which has the file's own pages.
  if (end == 0 && !bypasses_page_cache(direct) && ::ftruncate(direct, 0) != 0) return -errno;
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
  file->device = static_cast<uint64_t>(status.st_dev);
  file->serial = take_serial();
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
  // Only what is to be appended to, and has not begun.
  if (end == 0 && limit > 0 && files_[static_cast<size_t>(index)]->allocated > 0) start_fencing(index);
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
  forget_refused(index);
  file->submitted = file->written = file->end;
  file->waiters.clear();
  count_dirty(*file);
  free_if_done(index);
}

void ManagedStore::free_if_done(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  if (!file.released || file.writes > 0 || file.syncing || file.filling || file.reserving || file.readers > 0) return;
  drop_chunks(file);
  files_[static_cast<size_t>(index)].reset();
  free_files_.push_back(index);
}

void ManagedStore::wait() {
  if (jobs_ + fills_ == 0) retry_refused(true);
  RINGLOG_CHECK_OP(jobs_ + fills_, >, 0);
  if (ring_.in_flight() > 0) {
    RINGLOG_CHECK_OP(ring_.wait(), ==, 0);
  } else if (jobs_ > 0) {
    threads_.wait_for_result();
  } else {
    filler_.wait_for_result();
  }
  collect();
}

void ManagedStore::wait_idle(int32_t index) {
  ManagedFile& file = *files_[static_cast<size_t>(index)];
  file.fill_to = 0;
  while (file.writes > 0 || file.syncing || file.filling || file.reserving) wait();
}

int ManagedStore::sync_now(ManagedFile& file, int64_t target, bool durable) {
  const int32_t index = index_of(file);
  target = std::min(target, file.end);
  if (file.written < target && is_full(file)) retry_refused(false);
  while (file.written < target) {
    file.wanted = file.end;
    start_writes(index);
    if (file.error != 0) return file.error;
    // Nothing is lost: the bytes wait on for room.
    if (jobs_ == 0 && is_full(file)) return -ENOSPC;
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
  // Nothing to cut, and what the disk has no room for waits on.
  if (length == file.end && is_full(file)) return 0;
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
    while (!file.chunks.empty() && file.chunks_end() - ManagedCache::kChunkBytes >= length) {
      cache_.give(file.chunks.at(file.chunks.size() - 1));
      file.chunks.pop_back();
    }
  }
  if (::ftruncate(file.direct.get(), length) != 0) return -errno;
  file.end = length;
  file.allocated = length;
  file.serial = take_serial();
  for (int64_t* mark : {&file.submitted, &file.written, &file.synced}) *mark = std::min(*mark, length);
  if (file.chunks.empty()) file.cached_from = length;
  file.wanted = std::min(wanted, length);
  for (ManagedFile::Waiter& waiter : file.waiters) waiter.target = std::min(waiter.target, length);
  count_dirty(file);
  serve_waiters(index);
  return 0;
}

}  // namespace ringlog
