// Files by O_DIRECT: a second descriptor of a file that bypasses the page cache, space reserved ahead, reads of any
// alignment. Any thread; the reads are not hot. Results are bytes (or 0) or -errno.
//
// Memory, length and position of a direct transfer are multiples of kDirectBlock: the largest logical block in use, so
// that it fits whatever device is below.

#ifndef RINGLOG_SYS_DIRECT_FILE_H
#define RINGLOG_SYS_DIRECT_FILE_H

#include <cstddef>
#include <cstdint>

namespace ringlog {

inline constexpr int64_t kDirectBlock = 4096;

inline constexpr int64_t block_floor(int64_t position) { return position & ~(kDirectBlock - 1); }
inline constexpr int64_t block_ceil(int64_t position) { return block_floor(position + kDirectBlock - 1); }

// A descriptor of its own on the file behind `fd`, opened with O_DIRECT. -errno where the file system has none.
int open_direct(int fd);

// Whether direct writes leave the file's cached pages alone: tmpfs has no others, and takes the flag since Linux 6.6.
bool bypasses_page_cache(int direct_fd);

// Blocks for [position, position + length), reading as zeros; the file grows to hold them. -EOPNOTSUPP where the file
// system cannot promise space.
int reserve_blocks(int direct_fd, int64_t position, int64_t length);

// Writes zeros over whole blocks, so that they count as written: later direct writes then change no metadata.
int write_zeros(int direct_fd, int64_t position, int64_t length);

// Where the fences of a recycled file stand: every so many bytes, from its beginning on. Also in src/engine/log/fence-block.ts.
inline constexpr int64_t kFenceStep = 8 * 1024 * 1024;

// Writes a fence, one block, at every multiple of kFenceStep in [position, position + length), and syncs the file. `position`
// is such a multiple itself.
int write_fences(int direct_fd, int64_t position, int64_t length);

// Reads whole blocks into aligned memory until `length` bytes or the end of the file.
int64_t read_blocks_at(int direct_fd, void* into, size_t length, int64_t position);

// Reads until `length` bytes or the end of the file, through an aligned buffer of the calling thread.
int64_t read_direct_at(int direct_fd, void* into, size_t length, int64_t position);

}  // namespace ringlog

#endif
