// Producer: one client that batches by partition, lingers, and keeps some requests in flight to each leader, with Kafka's
// producer's settings. One owner; hot.

#ifndef RINGLOG_LOAD_PRODUCER_H
#define RINGLOG_LOAD_PRODUCER_H

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compression.h"
#include "connection.h"
#include "load_plan.h"
#include "partitioner.h"
#include "record_batch.h"
#include "record_stamp.h"

namespace load {

struct ProducerNode;

class ProducerPartition {
 public:
  int index = 0;
  ProducerNode* node = nullptr;
  RecordBatch* open = nullptr;
  // Closed and not in flight, in the order they must go.
  std::deque<RecordBatch*> ready;
  int32_t next_base_sequence = 0;
  // Nothing is sent to it before: a batch is to be tried again.
  int64_t retry_at_ns = 0;
  // Records of this lane handed over.
  int64_t next_in_lane = 0;
};

struct ProduceRequest {
  int64_t written_ns = 0;
  // Where its last byte lies in all that the connection was given: with acks=0 that is all there is to wait for.
  uint64_t ends_at = 0;
  // Everything but the batches.
  std::string pieces;
  std::vector<RecordBatch*> batches;
};

struct ProducerNode {
  std::unique_ptr<Connection> connection;
  std::vector<ProducerPartition*> partitions;
  size_t next_partition = 0;
  std::deque<std::unique_ptr<ProduceRequest>> in_flight;
};

class Producer {
 public:
  struct Events {
    // What became of a batch; `error` is 0 or Kafka's code, with kLost for a connection that is gone.
    std::function<void(const RecordBatch& batch, int error, int64_t written_ns, int64_t now_ns)> on_finished;
    // The client cannot go on.
    std::function<void(const std::string& why)> on_failed;
  };
  static constexpr int kLost = -1000;

  // Connected when it returns; throws Failure.
  Producer(EventLoop& loop, const ProducerPlan& plan, const LoadPlan& load, Events events);

  // The client's own bound on what is in memory.
  bool has_room() const { return !failed_ && memory_left_ >= record_bytes_; }
  int partition_for(std::string_view key);
  // The sequence that the next record of the partition has in its lane.
  int64_t next_in_lane(int partition) const { return partitions_[static_cast<size_t>(partition)].next_in_lane; }
  int partition_count() const { return static_cast<int>(partitions_.size()); }
  // Where its stamp belongs.
  char* send(int partition, const NewRecord& record, int64_t timestamp_ms, const RecordTimes& times);
  // Sends what is full or has lingered; all of it when records wait for memory.
  void flush(int64_t now_ns, bool memory_is_wanted);
  // When flush() has something to do that no answer announces.
  int64_t wake_ns() const;
  // All that was handed over and is not finished.
  void each_unfinished(const std::function<void(const RecordBatch&)>& look) const;
  const ProducerPlan& plan() const { return plan_; }

 private:
  RecordBatch* take_spare();
  void begin(ProducerPartition& partition, int64_t timestamp_ms, int64_t now_ns);
  void close(ProducerPartition& partition);
  bool request(ProducerNode& node, int64_t now_ns, bool memory_is_wanted);
  RecordBatch* next_batch(ProducerPartition& partition, int64_t now_ns, bool memory_is_wanted);
  void write(ProducerNode& node, std::unique_ptr<ProduceRequest> request, int64_t now_ns);
  void on_answer(ProducerNode& node, Reader answer, int64_t now_ns);
  void on_written(ProducerNode& node, int64_t now_ns);
  void on_lost(ProducerNode& node, const std::string& why);
  void finish_request(ProducerNode& node, int64_t now_ns);
  bool may_retry(const RecordBatch& batch, int64_t now_ns) const;
  void retry(RecordBatch& batch, int64_t now_ns);
  void finish(RecordBatch& batch, int error, int64_t written_ns, int64_t now_ns);
  void renew();
  void on_renewed(Reader answer);

  const ProducerPlan plan_;
  const ProducerSettings settings_;
  const Events events_;
  Compression compression_;
  Partitioner partitioner_;
  std::vector<ProducerPartition> partitions_;
  std::vector<std::unique_ptr<ProducerNode>> nodes_;
  std::vector<std::unique_ptr<RecordBatch>> batches_;
  std::vector<RecordBatch*> spare_;
  std::vector<std::unique_ptr<ProduceRequest>> spare_requests_;
  int64_t producer_id_;
  int producer_epoch_;
  // A batch was given up, so its sequences are missing: a new id is asked for once nothing is in flight.
  bool gap_ = false;
  bool renewing_ = false;
  bool failed_ = false;
  // About what the largest record takes.
  int64_t record_bytes_;
  int64_t memory_left_;
};

}  // namespace load

#endif
