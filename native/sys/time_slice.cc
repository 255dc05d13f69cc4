#include "sys/time_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace ringlog {

namespace {

// sched_setattr(2), first version. Under a name of its own: newer C libraries have a sched_attr, older ones none.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns;
  uint64_t deadline_ns;
  uint64_t period_ns;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

int64_t set_time_slice(int64_t slice_ns) {
  // What else the thread was given, its niceness above all, stays.
  SchedulingAttributes attributes{};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -errno;
  if (attributes.policy != SCHED_OTHER) return 0;
  attributes.size = sizeof attributes;
  attributes.runtime_ns = static_cast<uint64_t>(slice_ns);
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) return -errno;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -errno;
  return static_cast<int64_t>(attributes.runtime_ns);
}

}  // namespace ringlog
