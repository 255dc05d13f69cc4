// Batches, requests, answers, and what is tried again. One owner; hot.

#include "producer.h"

#include <algorithm>
#include <map>

#include "clock.h"
#include "failure.h"

namespace load {

namespace {

// About what a record costs beside its key and value.
constexpr int64_t kRecordOverheadBytes = 90;
constexpr int kErrorOutOfOrderSequence = 45;
constexpr int kErrorDuplicateSequence = 46;
constexpr int kErrorUnknown = -1;
constexpr int kInitProducerIdVersion = 1;

bool is_retriable(int error) {
  switch (error) {
    case 2:   // CORRUPT_MESSAGE
    case 3:   // UNKNOWN_TOPIC_OR_PARTITION
    case 5:   // LEADER_NOT_AVAILABLE
    case 6:   // NOT_LEADER_OR_FOLLOWER
    case 7:   // REQUEST_TIMED_OUT
    case 13:  // NETWORK_EXCEPTION
    case 19:  // NOT_ENOUGH_REPLICAS
    case 20:  // NOT_ENOUGH_REPLICAS_AFTER_APPEND
    case 56:  // KAFKA_STORAGE_ERROR
    case 89:  // THROTTLING_QUOTA_EXCEEDED
      return true;
    default:
      return false;
  }
}

}  // namespace

Producer::Producer(EventLoop& loop, const ProducerPlan& plan, const LoadPlan& load, Events events)
    : plan_(plan),
      settings_(load.producer),
      events_(std::move(events)),
      compression_(load.producer.compression, load.producer.compression_level),
      partitioner_(static_cast<int>(load.topics.at(plan.topic).size()), load.producer.batch_bytes, load.producer.round_robin,
                   load.seed + 0x5bd1e995u * static_cast<uint32_t>(plan.id + 1)),
      partitions_(load.topics.at(plan.topic).size()),
      producer_id_(plan.producer_id),
      producer_epoch_(plan.producer_epoch),
      record_bytes_(kRecordOverheadBytes + static_cast<int64_t>(load.pool[0].size())),
      memory_left_(load.producer.buffer_bytes) {
  if (memory_left_ < record_bytes_) throw Failure("buffer.memory does not hold one record");
  std::map<Address, ProducerNode*> by_address;
  for (const TopicPartition& each : load.topics.at(plan.topic)) {
    ProducerNode*& node = by_address[each.leader];
    if (node == nullptr) {
      node = nodes_.emplace_back(std::make_unique<ProducerNode>()).get();
      node->connection = std::make_unique<Connection>(
          loop, each.leader,
          Connection::Events{[this, node](Reader answer, int64_t now) { renewing_ ? on_renewed(answer) : on_answer(*node, answer, now); },
                             [this, node](const std::string& why) { on_lost(*node, why); }});
    }
    ProducerPartition& partition = partitions_[static_cast<size_t>(each.partition)];
    partition.index = each.partition;
    partition.node = node;
    node->partitions.push_back(&partition);
  }
}

int Producer::partition_for(std::string_view key) {
  if (key.data() != nullptr) return partitioner_.of_key(key);
  return partitioner_.without_key(partitions_[static_cast<size_t>(partitioner_.sticky())].open != nullptr);
}

char* Producer::send(int index, const NewRecord& record, int64_t timestamp_ms, const RecordTimes& times) {
  ProducerPartition& partition = partitions_[static_cast<size_t>(index)];
  if (partition.open != nullptr && partition.open->plain_size() + partition.open->bytes_of(record, timestamp_ms) > settings_.batch_bytes)
    close(partition);
  if (partition.open == nullptr) begin(partition, timestamp_ms, times.sent_ns);
  RecordBatch& batch = *partition.open;
  const size_t before = batch.plain_size();
  char* stamp = batch.append(record, timestamp_ms, times);
  const size_t bytes = batch.plain_size() - before;
  partition.next_in_lane++;
  memory_left_ -= static_cast<int64_t>(bytes);
  if (record.key.data() == nullptr) partitioner_.took(bytes);
  return stamp;
}

RecordBatch* Producer::take_spare() {
  if (spare_.empty()) return batches_.emplace_back(std::make_unique<RecordBatch>()).get();
  RecordBatch* batch = spare_.back();
  spare_.pop_back();
  return batch;
}

void Producer::begin(ProducerPartition& partition, int64_t timestamp_ms, int64_t now) {
  RecordBatch* batch = take_spare();
  batch->begin(timestamp_ms, now + settings_.linger_ns, now);
  batch->partition = &partition;
  batch->first_sequence_in_lane = partition.next_in_lane;
  partition.open = batch;
}

// The stamps in it are written by now: it is compressed only as it goes, or when the next record comes.
void Producer::close(ProducerPartition& partition) {
  partition.open->close(compression_);
  partition.ready.push_back(partition.open);
  partition.open = nullptr;
}

void Producer::flush(int64_t now, bool memory_is_wanted) {
  if (failed_ || renewing_) return;
  if (gap_) {
    renew();
    if (gap_) return;
  }
  for (const auto& node : nodes_) {
    while (static_cast<int>(node->in_flight.size()) < settings_.in_flight_max && request(*node, now, memory_is_wanted)) continue;
    node->connection->flush();
    if (settings_.acks == 0) on_written(*node, now);
  }
}

// One batch of each partition that has one to go.
bool Producer::request(ProducerNode& node, int64_t now, bool memory_is_wanted) {
  std::unique_ptr<ProduceRequest> request;
  size_t bytes = 0;
  const size_t count = node.partitions.size();
  for (size_t i = 0; i < count; i++) {
    ProducerPartition& partition = *node.partitions[(node.next_partition + i) % count];
    RecordBatch* batch = next_batch(partition, now, memory_is_wanted);
    if (batch == nullptr) continue;
    if (bytes > 0 && bytes + batch->size() > settings_.request_bytes) break;
    if (request == nullptr) {
      if (spare_requests_.empty()) spare_requests_.push_back(std::make_unique<ProduceRequest>());
      request = std::move(spare_requests_.back());
      spare_requests_.pop_back();
      request->batches.clear();
    }
    bytes += batch->size();
    partition.ready.pop_front();
    request->batches.push_back(batch);
  }
  if (request == nullptr) return false;
  node.next_partition = (node.next_partition + 1) % count;
  write(node, std::move(request), now);
  return true;
}

RecordBatch* Producer::next_batch(ProducerPartition& partition, int64_t now, bool memory_is_wanted) {
  if (partition.retry_at_ns > now) return nullptr;
  if (partition.ready.empty()) {
    const RecordBatch* open = partition.open;
    if (open == nullptr) return nullptr;
    if (open->closes_ns > now && !memory_is_wanted && open->plain_size() < settings_.batch_bytes) return nullptr;
    close(partition);
  }
  RecordBatch* batch = partition.ready.front();
  if (batch->base_sequence < 0 || producer_id_ == RecordBatch::kNoProducer) {
    const bool idempotent = producer_id_ != RecordBatch::kNoProducer;
    batch->identify(producer_id_, producer_epoch_, idempotent ? partition.next_base_sequence : -1);
    // Sequences begin again at 0 behind the largest.
    partition.next_base_sequence = static_cast<int32_t>((static_cast<uint32_t>(partition.next_base_sequence) + static_cast<uint32_t>(batch->count())) & 0x7fffffff);
  }
  return batch;
}

void Producer::write(ProducerNode& node, std::unique_ptr<ProduceRequest> request, int64_t now) {
  Connection& connection = *node.connection;
  std::string& pieces = request->pieces;
  pieces = connection.begin_frame(ApiKey::kProduce, kProduceVersion, true);
  Writer writer(pieces);
  writer.uvarint(0);  // no transaction
  writer.i16(settings_.acks);
  writer.i32(settings_.timeout_ms);
  writer.uvarint(2);
  writer.compact_string(plan_.topic);
  writer.uvarint(request->batches.size() + 1);
  // Pieces and batches take turns; the pieces' places are known once all are written, because the string may move.
  size_t body = 0;
  std::vector<size_t> cuts;
  for (const RecordBatch* batch : request->batches) {
    writer.i32(batch->partition->index);
    writer.uvarint(batch->size() + 1);
    cuts.push_back(pieces.size());
    body += batch->size();
    writer.no_tags();
  }
  writer.no_tags();
  writer.no_tags();
  Connection::end_frame(pieces, body);
  size_t from = 0;
  for (size_t i = 0; i < cuts.size(); i++) {
    connection.queue(&pieces[from], cuts[i] - from);
    connection.queue(request->batches[i]->data(), request->batches[i]->size());
    from = cuts[i];
  }
  connection.queue(&pieces[from], pieces.size() - from);
  if (settings_.acks != 0) connection.expect_answer();
  request->written_ns = now;
  request->ends_at = connection.queued();
  for (RecordBatch* batch : request->batches) {
    batch->attempts++;
    batch->answered = false;
  }
  node.in_flight.push_back(std::move(request));
}

void Producer::on_answer(ProducerNode& node, Reader answer, int64_t now) {
  const ProduceRequest& request = *node.in_flight.front();
  answer.tags();
  for (uint64_t topics = answer.compact_count(); topics > 0 && !answer.bad; topics--) {
    answer.compact_bytes();
    for (uint64_t count = answer.compact_count(); count > 0 && !answer.bad; count--) {
      const int index = answer.i32();
      const int error = answer.i16();
      answer.skip(24);  // base offset, append time, log start
      for (uint64_t errors = answer.compact_count(); errors > 0 && !answer.bad; errors--) {
        answer.i32();
        answer.compact_bytes();
        answer.tags();
      }
      answer.compact_bytes();
      answer.tags();
      for (RecordBatch* batch : request.batches) {
        if (batch->partition->index != index) continue;
        batch->error = error;
        batch->answered = true;
      }
    }
    answer.tags();
  }
  if (answer.bad) return on_lost(node, "an answer to Produce that cannot be read");
  finish_request(node, now);
}

// acks=0: what the kernel has is all there is to know.
void Producer::on_written(ProducerNode& node, int64_t now) {
  while (!node.in_flight.empty() && node.in_flight.front()->ends_at <= node.connection->written()) {
    for (RecordBatch* batch : node.in_flight.front()->batches) {
      batch->error = 0;
      batch->answered = true;
    }
    finish_request(node, now);
  }
}

void Producer::finish_request(ProducerNode& node, int64_t now) {
  std::unique_ptr<ProduceRequest> request = std::move(node.in_flight.front());
  node.in_flight.pop_front();
  for (RecordBatch* batch : request->batches) {
    const int error = batch->answered ? batch->error : kErrorUnknown;
    if (error == 0 || (error == kErrorDuplicateSequence && producer_id_ >= 0)) {
      finish(*batch, 0, request->written_ns, now);
    } else if (may_retry(*batch, now)) {
      retry(*batch, now);
    } else {
      gap_ = gap_ || producer_id_ >= 0;
      finish(*batch, error, request->written_ns, now);
    }
  }
  spare_requests_.push_back(std::move(request));
}

bool Producer::may_retry(const RecordBatch& batch, int64_t now) const {
  if (batch.attempts > settings_.retries || now - batch.created_ns > settings_.delivery_timeout_ns) return false;
  if (is_retriable(batch.error)) return true;
  // Behind one that is tried again it could not be in order; behind one that was given up it never will be, under this id.
  if (batch.error != kErrorOutOfOrderSequence || producer_id_ < 0) return false;
  return gap_ || std::any_of(batch.partition->ready.begin(), batch.partition->ready.end(), [](const RecordBatch* each) { return each->attempts > 0; });
}

void Producer::retry(RecordBatch& batch, int64_t now) {
  auto& ready = batch.partition->ready;
  const auto behind = std::find_if(ready.begin(), ready.end(), [&](const RecordBatch* each) { return each->first_sequence_in_lane > batch.first_sequence_in_lane; });
  ready.insert(behind, &batch);
  batch.partition->retry_at_ns = now + settings_.retry_backoff_ns;
}

void Producer::finish(RecordBatch& batch, int error, int64_t written_ns, int64_t now) {
  events_.on_finished(batch, error, written_ns, now);
  memory_left_ += static_cast<int64_t>(batch.plain_size() - kBatchHeaderBytes);
  spare_.push_back(&batch);
}

void Producer::on_lost(ProducerNode& node, const std::string& why) {
  if (failed_) return;
  failed_ = true;
  const int64_t now = now_ns();
  for (auto& request : node.in_flight) {
    for (RecordBatch* batch : request->batches) finish(*batch, kLost, request->written_ns, now);
    // Its bytes may still be waiting for the socket.
    spare_requests_.push_back(std::move(request));
  }
  node.in_flight.clear();
  events_.on_failed(why);
}

// Sequences of a batch that was given up are missing: under a new id all of them begin again.
void Producer::renew() {
  for (const auto& node : nodes_)
    if (!node->in_flight.empty()) return;
  Connection& connection = *nodes_.front()->connection;
  renewing_ = true;
  std::string frame = connection.begin_frame(ApiKey::kInitProducerId, kInitProducerIdVersion, false);
  Writer writer(frame);
  writer.i16(-1);
  writer.i32(settings_.timeout_ms);
  connection.send(std::move(frame));
}

void Producer::on_renewed(Reader answer) {
  answer.i32();
  const int error = answer.i16();
  const int64_t id = answer.i64();
  const int epoch = answer.i16();
  if (answer.bad || error != 0) {
    failed_ = true;
    events_.on_failed("a new producer id was refused with error " + std::to_string(error));
    return;
  }
  producer_id_ = id;
  producer_epoch_ = epoch;
  renewing_ = gap_ = false;
  for (ProducerPartition& partition : partitions_) {
    partition.next_base_sequence = 0;
    for (RecordBatch* batch : partition.ready) batch->base_sequence = -1;
  }
}

int64_t Producer::wake_ns() const {
  if (failed_ || renewing_) return kNever;
  int64_t wake = kNever;
  for (const ProducerPartition& partition : partitions_) {
    if (static_cast<int>(partition.node->in_flight.size()) >= settings_.in_flight_max) continue;
    if (!partition.ready.empty()) wake = std::min(wake, partition.retry_at_ns);
    else if (partition.open != nullptr) wake = std::min(wake, std::max(partition.open->closes_ns, partition.retry_at_ns));
  }
  return wake;
}

void Producer::each_unfinished(const std::function<void(const RecordBatch&)>& look) const {
  for (const auto& node : nodes_)
    for (const auto& request : node->in_flight)
      for (const RecordBatch* batch : request->batches) look(*batch);
  for (const ProducerPartition& partition : partitions_) {
    for (const RecordBatch* batch : partition.ready) look(*batch);
    if (partition.open != nullptr) look(*partition.open);
  }
}

}  // namespace load
