// Consumer: fetches its partitions, one request in flight to each leader, and hands over every record. One owner; hot.

#ifndef RINGLOG_LOAD_CONSUMER_H
#define RINGLOG_LOAD_CONSUMER_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connection.h"
#include "load_plan.h"

namespace load {

class Consumer {
 public:
  struct Events {
    // `stamp` is the value of the stamp's header, empty where there is none.
    std::function<void(const TopicPartition& from, int64_t offset, std::string_view value, std::string_view stamp, int64_t now_ns)> on_record;
    // Records of a batch whose checksum is wrong: what they were cannot be told.
    std::function<void(int64_t records)> on_corrupt;
    std::function<void(const std::string& why)> on_failed;
  };
  struct Position {
    const TopicPartition* partition;
    int64_t offset;
  };

  Consumer(EventLoop& loop, const ConsumerPlan& plan, const LoadPlan& load, Events events);

  // In place of what it had; throws Failure when a leader cannot be reached.
  void assign(std::vector<Position> positions);
  std::vector<Position> positions() const;
  void set_paused(bool paused) { paused_ = paused; }
  // Asks where nothing is asked.
  void turn(int64_t now_ns);
  // When turn() is next wanted, as far as no answer announces it.
  int64_t wake_ns() const;

 private:
  struct Node {
    std::unique_ptr<Connection> connection;
    std::vector<Position> positions;
    bool asked = false;
    // Answers to requests before this assignment are not looked at.
    bool stale = false;
  };

  Node& node_of(const Address& leader);
  void ask(Node& node);
  void on_answer(Node& node, Reader answer, int64_t now_ns);
  // False when the partition cannot go on.
  bool take_partition(Node& node, const std::string_view topic, Reader& answer, int64_t now_ns);
  void take_batches(Position& position, std::string_view bytes, int64_t now_ns);
  void take_batch(Position& position, std::string_view batch, int64_t now_ns);
  void take_records(Position& position, int64_t base_offset, int32_t count, Reader records, int64_t now_ns);
  void fail(const std::string& why);
  bool held_back() const { return paused_ || failed_; }

  EventLoop& loop_;
  const ConsumerPlan plan_;
  const ConsumerSettings settings_;
  const Events events_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::string plain_;
  int partition_bytes_;
  bool paused_ = false;
  bool failed_ = false;
  // With a limit: when the records taken so far allow the next request.
  int64_t allowed_at_ns_ = 0;
};

}  // namespace load

#endif
