// How long the calling thread asks to run at a stretch. The scheduler of kernels from 6.12 on lets a thread that wakes up with a
// shorter slice than the running one go first; its share of the processor stays the same.

#ifndef RINGLOG_SYS_TIME_SLICE_H
#define RINGLOG_SYS_TIME_SLICE_H

#include <cstdint>

namespace ringlog {

// Asks for slices of `slice_ns` (the kernel's bounds: 100 us to 100 ms). The slice the kernel tells afterwards, 0 of a kernel
// that knows none or of a thread of another policy than the ordinary one, or -errno.
int64_t set_time_slice(int64_t slice_ns);

}  // namespace ringlog

#endif
