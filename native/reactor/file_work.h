// File work that may wait for the disk: syncs, write-back, reads, and cold chunks on their way to a socket. The shard's thread
// submits and collects; the waiting is done by file threads or the kernel's ring.

#ifndef RINGLOG_REACTOR_FILE_WORK_H
#define RINGLOG_REACTOR_FILE_WORK_H

#include "reactor/reactor_state.h"

namespace ringlog {

// Hands a job to the ring or the file threads.
void submit_job(ReactorState& state, const FileJob& job);
void submit_sync(ReactorState& state, int fd, int32_t ticket);
void submit_write_back(ReactorState& state, int fd, int64_t position, int32_t length, int32_t ticket);
void submit_verify(ReactorState& state, int fd, int32_t cells, int32_t ticket);
void submit_read(ReactorState& state, int fd, int64_t position, int32_t offset, int32_t length, int32_t ticket);
// Opens the kernel's ring for reads; without it they go to the file threads. 0 or -errno.
int open_ring(ReactorState& state);
// Completions of the ring.
void collect_ring(ReactorState& state);
// Results of the file threads, as completions; cold chunks go on to their sockets.
void collect_file_work(ReactorState& state);

}  // namespace ringlog

#endif
