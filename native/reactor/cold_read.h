// Bytes of files that memory does not have, on their way to a socket: read off the shard's thread into a block while the
// connection's queue waits. A sendfile that has to wait for the disk would stop every partition of this core. The shard's
// thread.

#ifndef RINGLOG_REACTOR_COLD_READ_H
#define RINGLOG_REACTOR_COLD_READ_H

#include "reactor/reactor_state.h"

namespace ringlog {

// Whether the item's next bytes are in the page cache (then `resident_until` says how far). If not, they are on their way,
// or in the item's block when they had been read ahead.
bool find_resident(ReactorState& state, Connection& conn, SendItem& item);
// The next bytes of a managed file, which are not in its arena: on their way, or in the item's block.
void read_managed(ReactorState& state, Connection& conn, SendItem& item, ManagedFile& file);
// Copies what is in memory of any kind: bytes, or -EAGAIN when the disk would be needed.
int64_t read_now(ReactorState& state, int fd, int64_t position, uint8_t* into, size_t length);
// A chunk has come: its connection may go on.
void finish_cold_read(ReactorState& state, const FileJob& job);
// Cold reads that found no block, once there is memory again.
void retry_cold(ReactorState& state);
// Gives back what nobody has used for a while. False when there is nothing any more.
bool expire_cold_files(ReactorState& state);

}  // namespace ringlog

#endif
