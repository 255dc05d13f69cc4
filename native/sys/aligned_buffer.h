// Memory for O_DIRECT that grows and stays. Owner: one thread.

#ifndef RINGLOG_SYS_ALIGNED_BUFFER_H
#define RINGLOG_SYS_ALIGNED_BUFFER_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace ringlog {

// What O_DIRECT asks of memory, length and position on every disk that matters.
inline constexpr size_t kDirectAlign = 4096;

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { std::free(data_); }

  // Null when there is no memory; what it held is gone.
  uint8_t* reserve(size_t bytes) {
    if (bytes <= bytes_) return data_;
    std::free(data_);
    const size_t rounded = (bytes + kDirectAlign - 1) / kDirectAlign * kDirectAlign;
    data_ = static_cast<uint8_t*>(std::aligned_alloc(kDirectAlign, rounded));
    bytes_ = data_ == nullptr ? 0 : rounded;
    return data_;
  }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace ringlog

#endif
