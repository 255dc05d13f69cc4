#include "sys/affinity.h"

#include <sched.h>

#include <cerrno>

namespace ringlog {

int pin_thread(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return -EINVAL;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

int usable_cpus(int32_t* cpus, int capacity) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -errno;
  int found = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && found < capacity; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus[found++] = cpu;
  }
  return found;
}

}  // namespace ringlog
