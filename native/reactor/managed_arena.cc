// The bytes of managed files in memory: appended, read, given up. Space on the disk is promised before bytes are taken.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "reactor/managed_store.h"
#include "sys/direct_file.h"

namespace ringlog {

namespace {

constexpr int64_t kReserveMin = 1024 * 1024;
constexpr int64_t kReserveMax = 64 * 1024 * 1024;
// Syncs from one reservation to the next that make zeroing the next one worth its writes.
constexpr int kFillSyncs = 8;

constexpr int64_t kChunk = ManagedCache::kChunkBytes;

int64_t reserve_step(const ManagedFile& file) { return std::clamp(file.allocated, kReserveMin, kReserveMax); }

}  // namespace

int ManagedStore::reserve(ManagedFile& file, int64_t bytes) {
  if (file.error != 0) return file.error;
  if (is_full(file)) return -ENOSPC;
  const int64_t need = block_ceil(file.end + bytes);
  if (need <= file.allocated) {
    if (file.allocated - need < reserve_step(file) / 2) reserve_ahead(file);
    return 0;
  }
  const int64_t from = block_floor(file.allocated);
  int64_t to = std::max(need, std::min(from + reserve_step(file), block_ceil(file.limit)));
  counters_.reserve_waits++;
  int result = reserve_blocks(file.direct.get(), from, to - from);
  if (result == -ENOSPC && to > need) {
    to = need;
    result = reserve_blocks(file.direct.get(), from, to - from);
  }
  if (result < 0) return result;
  note_reserved(file, need, to);
  return 0;
}

// Off this thread, as a file system takes its time for it now and then.
void ManagedStore::reserve_ahead(ManagedFile& file) {
  const int64_t from = file.allocated;
  const int64_t to = std::min(from + reserve_step(file), block_ceil(file.limit));
  if (file.reserving || file.reserved_last == from || to <= from) return;
  file.reserving = true;
  FileJob job{};
  job.kind = FileJob::Kind::kTask;
  job.task = run_reserve;
  job.fd = file.direct.get();
  job.ticket = index_of(file);
  job.position = block_floor(from);
  job.length = static_cast<size_t>(to - job.position);
  fills_++;
  filler_.submit(job);
}

int64_t ManagedStore::run_reserve(const FileJob& job) {
  return reserve_blocks(job.fd, job.position, static_cast<int64_t>(job.length));
}

void ManagedStore::on_reserve(const FileJob& job) {
  ManagedFile& file = *files_[static_cast<size_t>(job.ticket)];
  file.reserving = false;
  const int64_t to = job.position + static_cast<int64_t>(job.length);
  // Who needs it asks again and is told why not.
  if (job.result < 0) file.reserved_last = file.allocated;
  else if (!file.released && to > file.allocated) note_reserved(file, file.allocated, to);
  free_if_done(job.ticket);
}

void ManagedStore::note_reserved(ManagedFile& file, int64_t from, int64_t to) {
  file.allocated = to;
  const bool pays = std::exchange(file.syncs_asked, 0) >= kFillSyncs;
  if (!pays || file.fencing) return;
  if (!file.filling) file.fill_from = from;
  file.fill_to = to;
  if (!file.filling) start_fill(index_of(file));
}

void ManagedStore::append(ManagedFile& file, const uint8_t* from, size_t length, int64_t now_ms) {
  const int32_t index = index_of(file);
  if (file.submitted == file.end) file.dirty_since_ms = now_ms;
  while (length > 0) {
    if (file.chunks.empty() || file.end == file.chunks_end()) {
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

void ManagedStore::count_dirty(ManagedFile& file) {
  const bool clean = file.error != 0 || file.written >= file.end;
  const auto count = clean ? 0 : static_cast<int32_t>((file.end - 1) / kChunk - file.written / kChunk + 1);
  dirty_chunks_ += count - file.dirty_chunks;
  if (is_full(file)) stuck_chunks_ += count - file.dirty_chunks;
  file.dirty_chunks = count;
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
