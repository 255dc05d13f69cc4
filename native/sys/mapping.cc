#include "sys/mapping.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "base/check.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace ringlog {

namespace {

constexpr size_t kHugeBytes = 2 * 1024 * 1024;

// "always [madvise] never": whether advice is heeded.
bool transparent_pages() {
  FILE* const file = std::fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
  if (file == nullptr) return false;
  char line[64] = "";
  const bool read = std::fgets(line, sizeof line, file) != nullptr;
  std::fclose(file);
  return read && std::strstr(line, "[never]") == nullptr;
}

}  // namespace

Mapping* Mapping::create(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  return new Mapping(static_cast<uint8_t*>(at), bytes);
}

Mapping* Mapping::create_huge(size_t bytes, const char** backing) {
  RINGLOG_CHECK_OP(bytes % kHugeBytes, ==, 0);
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  // Without MAP_NORESERVE: a machine that has too few of them says so here, and not by SIGBUS later.
  void* at = mmap(nullptr, bytes, kProtection, kFlags | MAP_HUGETLB, -1, 0);
  if (at != MAP_FAILED) {
    *backing = "reserved huge pages";
    return new Mapping(static_cast<uint8_t*>(at), bytes);
  }
  // Aligned by hand: a huge page begins at a multiple of its size.
  at = mmap(nullptr, bytes + kHugeBytes, kProtection, kFlags | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  auto* const base = static_cast<uint8_t*>(at);
  const size_t skip = (kHugeBytes - reinterpret_cast<uintptr_t>(base) % kHugeBytes) % kHugeBytes;
  if (skip > 0) munmap(base, skip);
  munmap(base + skip + bytes, kHugeBytes - skip);
  const bool huge = madvise(base + skip, bytes, MADV_HUGEPAGE) == 0 && transparent_pages();
  *backing = huge ? "transparent huge pages" : "ordinary pages";
  return new Mapping(base + skip, bytes);
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
