// Read-ahead of managed files: when requests follow each other through history, the next megabyte is read before it is
// asked for. A few blocks of the arena, none of them when memory is short; a block that nobody comes for is given back.
// The shard's thread.

#ifndef RINGLOG_REACTOR_READ_AHEAD_H
#define RINGLOG_REACTOR_READ_AHEAD_H

#include "reactor/reactor_state.h"

namespace ringlog {

enum class Ahead {
  kNone,     // it has to be read
  kLoading,  // it is being read: the connection is pumped when it is there
  kGiven,    // the item has its block
};

Ahead take_read_ahead(ReactorState& state, Connection& conn, SendItem& item, const ManagedFile& file);
// Bytes up to `end` of the file are being read for somebody; what comes next is, if that was the continuation of a read.
void note_cold_read(ReactorState& state, ManagedFile& file, int64_t start, int64_t end);
void finish_read_ahead(ReactorState& state, const FileJob& job);
// Gives back what nobody came for. True while any is held.
bool expire_read_ahead(ReactorState& state);

}  // namespace ringlog

#endif
