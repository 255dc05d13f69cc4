// Ending a connection: its descriptor, its block, its leases. The shard's thread.

#ifndef RINGLOG_REACTOR_CONNECTION_CLOSE_H
#define RINGLOG_REACTOR_CONNECTION_CLOSE_H

#include <cstdint>

#include "reactor/reactor_state.h"

namespace ringlog {

// `result`: 0, -errno or a CloseReason. Every SEND_FILE of it with a ticket is completed, now or when its cold read
// ends.
void close_connection(ReactorState& state, Connection& conn, int32_t result);
// After CLOSE, when everything has left: the peer is given the time to read it (see linger.h). The connection is gone for
// TypeScript at once.
void finish_connection(ReactorState& state, Connection& conn);

}  // namespace ringlog

#endif
