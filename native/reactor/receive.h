// Bytes from sockets into blocks, and blocks into frames. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_RECEIVE_H
#define RINGLOG_REACTOR_RECEIVE_H

#include "reactor/reactor_state.h"

namespace ringlog {

// One receive for each connection in the read list, as far as rings and arena have room; the others stay in the list.
void receive_ready(ReactorState& state);
// After the tick's callback: what is left of each cut block is kept for the connection, whole blocks are let go.
void settle_blocks(ReactorState& state);

}  // namespace ringlog

#endif
