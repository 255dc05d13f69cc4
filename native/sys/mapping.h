// Anonymous memory shared by counting: the reactor holds it, and so does every ArrayBuffer over it, whichever of them
// the environment tears down last. Any thread may drop a count.

#ifndef RINGLOG_SYS_MAPPING_H
#define RINGLOG_SYS_MAPPING_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ringlog {

class Mapping {
 public:
  // Null when the address space or the limit refuses. Pages appear when touched (MAP_NORESERVE).
  static Mapping* create(size_t bytes);
  // The same in pages of 2 MiB where the kernel gives them: reserved ones (MAP_HUGETLB), else transparent ones. `backing`
  // says which, for people. `bytes` is a multiple of 2 MiB.
  static Mapping* create_huge(size_t bytes, const char** backing);

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  void hold() { holders_.fetch_add(1, std::memory_order_relaxed); }
  // The last one unmaps.
  void drop();

  // Make [offset, offset + length) resident now, so that the hot path takes no page fault there.
  void prefault(size_t offset, size_t length);
  // Give the pages back to the kernel; they read as zero afterwards. Offsets are whole pages.
  void discard(size_t offset, size_t length);

 private:
  Mapping(uint8_t* data, size_t bytes) : data_(data), bytes_(bytes) {}
  ~Mapping() = default;

  uint8_t* const data_;
  const size_t bytes_;
  std::atomic<int> holders_{1};
};

}  // namespace ringlog

#endif
