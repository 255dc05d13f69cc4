// GroupMember: a member of a consumer group by the classic protocol: joins, divides partitions by range when it leads, keeps
// its place by heartbeats, commits. One owner; not hot. What it is given, its consumer fetches.

#ifndef RINGLOG_LOAD_GROUP_MEMBER_H
#define RINGLOG_LOAD_GROUP_MEMBER_H

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "connection.h"
#include "consumer.h"
#include "load_plan.h"
#include "range_assignor.h"

namespace load {

class GroupMember {
 public:
  // Connected when it returns; throws Failure.
  GroupMember(EventLoop& loop, const ConsumerPlan& plan, const LoadPlan& load, Consumer& consumer, std::function<void(const std::string&)> on_failed);

  void turn(int64_t now_ns);
  int64_t wake_ns() const;
  // Its partitions are fetched, and no new division of them is under way as far as it knows.
  bool is_stable() const { return stable_; }
  int32_t generation() const { return generation_; }
  size_t assigned() const { return assigned_; }
  // All members of the run are in: until then it asks more often whether the division has changed.
  void settle() { settled_ = true; }
  // Commits and goes, so that the group need not wait for its session to end.
  void leave();

 private:
  enum class Step { kJoin, kSync, kOffsets, kHeartbeat, kCommit, kLeave };

  std::string begin(Step step, ApiKey api, int version);
  void join();
  void sync(const std::vector<Membership>& members);
  void fetch_offsets();
  int64_t heartbeat_gap_ns() const;
  void heartbeat(int64_t now_ns);
  void commit(int64_t now_ns);
  void on_answer(Reader answer);
  void on_joined(Reader answer);
  void on_synced(Reader answer);
  void on_offsets(Reader answer);
  // True when the step was done; else the group has changed and it joins again, or the member has failed.
  bool passed(int error, const char* what);
  void rejoin(int64_t delay_ns);
  void fail(const std::string& why);

  const ConsumerPlan plan_;
  const LoadPlan& load_;
  const ConsumerSettings settings_;
  Consumer& consumer_;
  const std::function<void(const std::string&)> on_failed_;
  Connection connection_;
  std::deque<Step> asked_;
  std::string member_id_;
  int32_t generation_ = -1;
  std::vector<Consumer::Position> given_;
  size_t assigned_ = 0;
  bool stable_ = false;
  bool settled_ = false;
  bool failed_ = false;
  int retries_ = 0;
  // When it joins (again); kNever while it is in.
  int64_t join_at_ns_ = 0;
  int64_t heartbeat_at_ns_ = 0;
  int64_t commit_at_ns_ = 0;
};

}  // namespace load

#endif
