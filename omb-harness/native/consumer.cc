// Fetch requests and what comes back. One owner; hot.

#include "consumer.h"

#include <algorithm>
#include <map>

#include "clock.h"
#include "compression.h"
#include "failure.h"
#include "record_stamp.h"

namespace load {

namespace {

constexpr int kCodecMask = 7;
constexpr int kControlBit = 0x20;
// A limited consumer takes about this much of its rate with one answer, at least a batch.
constexpr double kLimitedSeconds = 0.02;
constexpr int kNotLeader = 6;
constexpr int kUnknownLeaderEpoch = 75;

}  // namespace

Consumer::Consumer(EventLoop& loop, const ConsumerPlan& plan, const LoadPlan& load, Events events)
    : loop_(loop), plan_(plan), settings_(load.consumer), events_(std::move(events)), partition_bytes_(load.consumer.partition_max_bytes) {
  if (plan.rate_limit_per_second <= 0) return;
  const double bytes = kLimitedSeconds * plan.rate_limit_per_second * static_cast<double>(load.pool.empty() ? 1 : load.pool[0].size());
  partition_bytes_ = std::clamp(static_cast<int>(bytes), 1, partition_bytes_);
}

void Consumer::assign(std::vector<Position> positions) {
  for (const auto& node : nodes_) {
    node->positions.clear();
    node->stale = node->asked;
  }
  for (const Position& each : positions) node_of(each.partition->leader).positions.push_back(each);
}

std::vector<Consumer::Position> Consumer::positions() const {
  std::vector<Position> all;
  for (const auto& node : nodes_) all.insert(all.end(), node->positions.begin(), node->positions.end());
  return all;
}

Consumer::Node& Consumer::node_of(const Address& leader) {
  for (const auto& node : nodes_)
    if (node->connection->address() == leader) return *node;
  Node* node = nodes_.emplace_back(std::make_unique<Node>()).get();
  node->connection = std::make_unique<Connection>(loop_, leader,
                                                  Connection::Events{[this, node](Reader answer, int64_t now) { on_answer(*node, answer, now); },
                                                                     [this](const std::string& why) { fail(why); }});
  return *node;
}

void Consumer::turn(int64_t now) {
  if (held_back() || now < allowed_at_ns_) return;
  for (const auto& node : nodes_)
    if (!node->asked && !node->positions.empty()) ask(*node);
}

int64_t Consumer::wake_ns() const {
  if (held_back() || allowed_at_ns_ == 0) return kNever;
  const bool idle = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return !node->asked && !node->positions.empty(); });
  return idle ? allowed_at_ns_ : kNever;
}

void Consumer::ask(Node& node) {
  std::string frame = node.connection->begin_frame(ApiKey::kFetch, kFetchVersion, true);
  Writer writer(frame);
  writer.i32(-1);
  writer.i32(settings_.max_wait_ms);
  writer.i32(settings_.min_bytes);
  writer.i32(settings_.max_bytes);
  writer.i8(settings_.read_committed ? 1 : 0);
  writer.i32(0);
  writer.i32(-1);  // no session
  std::map<std::string_view, std::vector<const Position*>> by_topic;
  for (const Position& each : node.positions) by_topic[each.partition->topic].push_back(&each);
  writer.uvarint(by_topic.size() + 1);
  for (const auto& [topic, positions] : by_topic) {
    writer.compact_string(topic);
    writer.uvarint(positions.size() + 1);
    for (const Position* each : positions) {
      writer.i32(each->partition->partition);
      writer.i32(-1);
      writer.i64(each->offset);
      writer.i32(-1);
      writer.i64(-1);
      writer.i32(partition_bytes_);
      writer.no_tags();
    }
    writer.no_tags();
  }
  writer.uvarint(1);  // nothing forgotten
  writer.compact_string("");
  writer.no_tags();
  node.asked = true;
  node.connection->send(std::move(frame));
}

void Consumer::on_answer(Node& node, Reader answer, int64_t now) {
  node.asked = false;
  const bool ignored = node.stale || paused_;
  node.stale = false;
  // While paused nothing is taken: positions stay, and it is asked for again.
  if (ignored || failed_) return;
  answer.tags();
  answer.i32();
  const int error = answer.i16();
  answer.i32();
  if (error != 0) return fail("fetch: error " + std::to_string(error));
  for (uint64_t topics = answer.compact_count(); topics > 0 && !answer.bad; topics--) {
    const std::string_view topic = answer.compact_bytes();
    for (uint64_t count = answer.compact_count(); count > 0 && !answer.bad; count--)
      if (!take_partition(node, topic, answer, now)) return;
    answer.tags();
  }
  if (answer.bad) return fail("an answer to Fetch that cannot be read");
  turn(now);
}

bool Consumer::take_partition(Node& node, const std::string_view topic, Reader& answer, int64_t now) {
  const int index = answer.i32();
  const int error = answer.i16();
  answer.skip(24);  // high watermark, last stable offset, log start
  for (uint64_t aborted = answer.compact_count(); aborted > 0 && !answer.bad; aborted--) {
    answer.skip(16);
    answer.tags();
  }
  answer.i32();
  const std::string_view records = answer.compact_bytes();
  answer.tags();
  const auto position = std::find_if(node.positions.begin(), node.positions.end(), [&](const Position& each) { return each.partition->partition == index && each.partition->topic == topic; });
  if (answer.bad || position == node.positions.end()) return true;
  // A leader that has only just been made may not know it yet.
  if (error == kNotLeader || error == kUnknownLeaderEpoch) return true;
  if (error != 0) {
    fail("fetch of " + std::string(topic) + "-" + std::to_string(index) + ": error " + std::to_string(error));
    return false;
  }
  take_batches(*position, records, now);
  return true;
}

void Consumer::take_batches(Position& position, std::string_view bytes, int64_t now) {
  while (bytes.size() >= kBatchHeaderBytes) {
    const size_t length = size_t{get32(&bytes[kBatchLengthAt])} + 12;
    // The last one may be cut off.
    if (length < kBatchHeaderBytes || length > bytes.size()) return;
    take_batch(position, bytes.substr(0, length), now);
    bytes.remove_prefix(length);
  }
}

void Consumer::take_batch(Position& position, std::string_view batch, int64_t now) {
  const auto base_offset = static_cast<int64_t>(get64(&batch[0]));
  const auto count = static_cast<int32_t>(get32(&batch[kBatchCountAt]));
  const int64_t next = base_offset + static_cast<int32_t>(get32(&batch[kBatchLastDeltaAt])) + 1;
  if (next <= position.offset) return;
  const int attributes = get16(&batch[kBatchAttributesAt]);
  std::string_view records = batch.substr(kBatchHeaderBytes);
  const auto codec = static_cast<Codec>(attributes & kCodecMask);
  bool whole = batch[kBatchMagicAt] == 2 && get32(&batch[kBatchCrcAt]) == ringlog::crc32c(&batch[kBatchCrcFrom], batch.size() - kBatchCrcFrom);
  if (whole && codec != Codec::kNone) {
    whole = decompress(codec, records, plain_);
    records = plain_;
  }
  if (!whole) events_.on_corrupt(std::max(1, count));
  else if ((attributes & kControlBit) == 0) take_records(position, base_offset, count, Reader(records.data(), records.size()), now);
  position.offset = next;
  if (plan_.rate_limit_per_second > 0)
    allowed_at_ns_ = std::max(allowed_at_ns_, now) + static_cast<int64_t>(1e9 * count / plan_.rate_limit_per_second);
}

void Consumer::take_records(Position& position, int64_t base_offset, int32_t count, Reader records, int64_t now) {
  for (int32_t i = 0; i < count; i++) {
    const int64_t length = records.varint();
    Reader record(records.at, length >= 0 && records.has(static_cast<size_t>(length)) ? static_cast<size_t>(length) : 0);
    records.skip(record.left());
    record.i8();
    record.varint();
    const int64_t offset = base_offset + record.varint();
    record.var_bytes();
    const std::string_view value = record.var_bytes();
    std::string_view stamp;
    for (int64_t headers = record.varint(); headers > 0 && !record.bad; headers--) {
      const std::string_view name = record.var_bytes();
      const std::string_view content = record.var_bytes();
      if (name == kStampHeader) stamp = content;
    }
    if (records.bad || record.bad) return events_.on_corrupt(count - i);
    // A fetch from inside a batch gives the whole batch.
    if (offset >= position.offset) events_.on_record(*position.partition, offset, value, stamp, now);
  }
}

void Consumer::fail(const std::string& why) {
  if (failed_) return;
  failed_ = true;
  events_.on_failed(why);
}

}  // namespace load
