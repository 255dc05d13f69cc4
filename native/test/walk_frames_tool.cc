// Walks Produce frames given on standard input and prints what the walker wrote: the other side of the differential test
// in test/net/kafka/wire/produce-walker-native.test.ts. Built by that test, with sanitizers.
//
// In, for each frame: uint32 offset, length, first descriptor, capacity, then the bytes. Out: the completion slot, then
// DESC_COUNT descriptors. All in the machine's byte order.

#include <cstdio>
#include <cstring>
#include <vector>

#include "reactor/produce_walker.h"
#include "reactor/tick_layout.h"

int main() {
  using namespace ringlog;
  uint32_t head[4];
  while (std::fread(head, sizeof head, 1, stdin) == 1) {
    const auto [offset, length, first, capacity] = head;
    // Exactly as long as it must be, so that the sanitizer sees a step beyond either end.
    std::vector<uint8_t> arena(static_cast<size_t>(offset) + length);
    arena.shrink_to_fit();
    if (length > 0 && std::fread(arena.data() + offset, length, 1, stdin) != 1) return 2;
    std::vector<int32_t> slot(CQ_SLOT_WORDS, 0);
    std::vector<int32_t> desc(static_cast<size_t>(capacity) * DESC_WORDS, 0);
    walk_produce(arena.data(), offset, length, slot.data(), desc.data(), first, capacity);
    std::fwrite(slot.data(), sizeof(int32_t), slot.size(), stdout);
    const auto count = static_cast<size_t>(slot[Frame::DESC_COUNT]);
    if (count == 0) continue;
    std::fwrite(desc.data() + static_cast<size_t>(first) * DESC_WORDS, sizeof(int32_t) * DESC_WORDS, count, stdout);
  }
  return 0;
}
