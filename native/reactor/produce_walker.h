// Walks a Produce request where it was received and describes each partition entry. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_PRODUCE_WALKER_H
#define RINGLOG_REACTOR_PRODUCE_WALKER_H

#include <cstdint>

namespace ringlog {

// The frame is arena[frame_offset, frame_offset + frame_length): request header and body, without the 4-byte length.
// `frame_slot` is its completion slot; STATUS, DESC_FIRST, DESC_COUNT, ACKS, TIMEOUT_MS and TXN_ID_* are written, the
// rest is the caller's. Descriptors go to desc[desc_first .. desc_capacity), both counted in descriptors.
//
// Whatever the bytes are, nothing outside the frame is read and nothing outside those descriptors is written. Unless
// STATUS is OK, DESC_COUNT is 0. TOO_MANY_PARTITIONS with desc_first > 0 means: walk it again with an emptier table.
void walk_produce(const uint8_t* arena, uint32_t frame_offset, uint32_t frame_length, int32_t* frame_slot, int32_t* desc,
                  uint32_t desc_first, uint32_t desc_capacity);

}  // namespace ringlog

#endif
