// One unit of the addon: sys and ring, compiled together because headers cost more than what includes them.
// A name in the namespace { } of one file is in those of all.

#include "sys/affinity.cc"
#include "sys/commit_write.cc"
#include "sys/crc32c.cc"
#include "sys/direct_file.cc"
#include "sys/file_io.cc"
#include "sys/file_threads.cc"
#include "sys/mapping.cc"
#include "sys/tcp_socket.cc"
#include "sys/time_slice.cc"
#include "sys/verify_range.cc"
#include "ring/probe.cc"
#include "ring/ring.cc"
