// Checks the record bytes of one Produce partition entry and describes them. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_BATCH_WALKER_H
#define RINGLOG_REACTOR_BATCH_WALKER_H

#include <cstddef>
#include <cstdint>

namespace ringlog {

// Writes Desc.STATUS and every batch field of one descriptor (DESC_WORDS words). Header fields are written whenever the
// whole header is there, whatever the status, so that a refusal can be logged with values; otherwise they are what a
// batch without them has (0, or -1 where Kafka writes -1 for "none"). `length` may be 0.
void walk_batch(const uint8_t* records, size_t length, int32_t* descriptor);

}  // namespace ringlog

#endif
