// Files by descriptor and position: gathered writes, reads that may or may not block, residency. Any thread; hot.
// Results are bytes or -errno.

#ifndef RINGLOG_SYS_FILE_IO_H
#define RINGLOG_SYS_FILE_IO_H

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace ringlog {

// Writes all of the vectors (the array is used up) or fails: total bytes or -errno.
int64_t write_all_at(int fd, iovec* vectors, int count, int64_t position);

// Reads until `length` bytes or the end of the file; blocks on the disk. `drop_behind` asks the kernel not to keep
// pages this read brings in (RWF_DONTCACHE, kernel 6.14); where it does not know that, they are dropped afterwards.
int64_t read_fully_at(int fd, void* into, size_t length, int64_t position, bool drop_behind);

// From now on reads of this descriptor bring in no more than what they ask for: what the kernel reads ahead of a scan stays
// behind it in the cache, whatever the flags of the reads.
void stop_read_ahead(int fd);

// Reads what is in memory: bytes (0 at the end of the file), or -EAGAIN when the disk would be needed. A file system
// that cannot tell (EOPNOTSUPP) is read plainly.
int64_t read_now_at(int fd, void* into, size_t length, int64_t position);

// Bytes of [position, position + length) in the page cache, or -errno (-ENOSYS before kernel 6.5). `dirty`, when asked for:
// some of their pages have not been written to the disk.
int64_t resident_bytes(int fd, int64_t position, int64_t length, bool* dirty = nullptr);

// Writes the dirty pages of the range and waits for them: 0 or -errno. Makes nothing durable (no metadata, no flush of the
// disk's cache), and takes a write error away from a later fdatasync of the same descriptor.
int write_back(int fd, int64_t position, int64_t length);

// fdatasync: 0 or -errno.
int sync_data(int fd);

}  // namespace ringlog

#endif
