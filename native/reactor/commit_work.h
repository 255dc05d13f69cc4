// COMMIT submissions: records of commit journals, written by threads of their own so that no commit stands in line
// behind the sync of a segment or a cold read. The shard's thread submits and collects.

#ifndef RINGLOG_REACTOR_COMMIT_WORK_H
#define RINGLOG_REACTOR_COMMIT_WORK_H

#include "reactor/reactor_state.h"

namespace ringlog {

// `slot` asks for a COMMIT.
void submit_commit(ReactorState& state, const int32_t* slot);
// Results of the commit threads, as completions.
void collect_commits(ReactorState& state);

}  // namespace ringlog

#endif
