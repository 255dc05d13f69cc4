// Carrying out the submission ring. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_SUBMISSION_H
#define RINGLOG_REACTOR_SUBMISSION_H

#include "reactor/reactor_state.h"

namespace ringlog {

// Every submission written so far: append chains, then the rest in order, then the sends of each connection. Empties
// the submission ring and the out region.
void execute_submissions(ReactorState& state);

}  // namespace ringlog

#endif
