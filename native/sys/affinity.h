// Which processors this thread may use, and pinning it to one. The calling thread only (kernel: tid 0 is "me").

#ifndef RINGLOG_SYS_AFFINITY_H
#define RINGLOG_SYS_AFFINITY_H

#include <cstdint>

namespace ringlog {

// 0 or -errno (EINVAL: no such processor, or not allowed to this process).
int pin_thread(int cpu);

// Fills `cpus` with the processors in this thread's mask, ascending; returns how many, or -errno.
int usable_cpus(int32_t* cpus, int capacity);

}  // namespace ringlog

#endif
