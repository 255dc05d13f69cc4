#include "sys/mapping.h"

#include <sys/mman.h>

#include "base/check.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace ringlog {

Mapping* Mapping::create(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  return new Mapping(static_cast<uint8_t*>(at), bytes);
}

void Mapping::drop() {
  const int before = holders_.fetch_sub(1, std::memory_order_acq_rel);
  RINGLOG_CHECK_OP(before, >, 0);
  if (before != 1) return;
  munmap(data_, bytes_);
  delete this;
}

void Mapping::prefault(size_t offset, size_t length) {
  RINGLOG_CHECK_OP(offset + length, <=, bytes_);
  if (madvise(data_ + offset, length, MADV_POPULATE_WRITE) == 0) return;
  // Before kernel 5.14: touch each page.
  for (size_t at = offset; at < offset + length; at += 4096) {
    volatile uint8_t* byte = data_ + at;
    *byte = *byte;
  }
}

void Mapping::discard(size_t offset, size_t length) {
  RINGLOG_CHECK_OP(offset + length, <=, bytes_);
  madvise(data_ + offset, length, MADV_DONTNEED);
}

}  // namespace ringlog
