// Bytes and file ranges to sockets. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_SEND_H
#define RINGLOG_REACTOR_SEND_H

#include "reactor/reactor_state.h"

namespace ringlog {

// Send what this submit's slots ask of one connection; what the socket does not take is queued.
void send_submitted(ReactorState& state, Connection& conn);
// Go on with the queue of every connection in the write list.
void send_ready(ReactorState& state);
// Go on with one queue. The connection may be closed afterwards.
void pump(ReactorState& state, Connection& conn);

}  // namespace ringlog

#endif
