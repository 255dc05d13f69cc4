// The steps of the classic group protocol, each an answer to the one before. One owner; not hot.

#include "group_member.h"

#include <algorithm>

#include "clock.h"
#include "failure.h"

namespace load {

namespace {

// The last versions before flexible ones, which every broker still takes.
constexpr int kJoinVersion = 5;
constexpr int kSyncVersion = 3;
constexpr int kHeartbeatVersion = 3;
constexpr int kLeaveVersion = 2;
constexpr int kCommitVersion = 7;
constexpr int kOffsetFetchVersion = 5;

constexpr std::string_view kProtocolType = "consumer";
constexpr std::string_view kProtocol = "range";
constexpr int64_t kRetryNs = 100 * kNsPerMs;
constexpr int kRetriesMax = 300;
constexpr int64_t kSettlingNs = 100 * kNsPerMs;

constexpr int kCoordinatorLoading = 14;
constexpr int kCoordinatorNotAvailable = 15;
constexpr int kNotCoordinator = 16;
constexpr int kIllegalGeneration = 22;
constexpr int kUnknownMember = 25;
constexpr int kRebalancing = 27;
constexpr int kMemberIdRequired = 79;

}  // namespace

GroupMember::GroupMember(EventLoop& loop, const ConsumerPlan& plan, const LoadPlan& load, Consumer& consumer, std::function<void(const std::string&)> on_failed)
    : plan_(plan),
      load_(load),
      settings_(load.consumer),
      consumer_(consumer),
      on_failed_(std::move(on_failed)),
      connection_(loop, plan.coordinator, {[this](Reader answer, int64_t) { on_answer(answer); }, [this](const std::string& why) { fail(why); }}) {}

void GroupMember::turn(int64_t now) {
  if (failed_) return;
  if (now >= join_at_ns_) return join();
  if (!stable_) return;
  if (now >= commit_at_ns_) commit(now);
  if (now >= heartbeat_at_ns_) heartbeat(now);
}

int64_t GroupMember::wake_ns() const {
  if (failed_) return kNever;
  return stable_ ? std::min({join_at_ns_, heartbeat_at_ns_, commit_at_ns_}) : join_at_ns_;
}

std::string GroupMember::begin(Step step, ApiKey api, int version) {
  asked_.push_back(step);
  std::string frame = connection_.begin_frame(api, version, false);
  Writer(frame).plain_string(plan_.group);
  return frame;
}

void GroupMember::join() {
  join_at_ns_ = kNever;
  std::string subscription;
  Writer subscribed(subscription);
  subscribed.i16(0);
  subscribed.i32(static_cast<int64_t>(plan_.topics.size()));
  for (const std::string& topic : plan_.topics) subscribed.plain_string(topic);
  subscribed.i32(-1);
  std::string frame = begin(Step::kJoin, ApiKey::kJoinGroup, kJoinVersion);
  Writer writer(frame);
  writer.i32(settings_.session_timeout_ms);
  writer.i32(settings_.rebalance_timeout_ms);
  writer.plain_string(member_id_);
  writer.i16(-1);  // no static member
  writer.plain_string(kProtocolType);
  writer.i32(1);
  writer.plain_string(kProtocol);
  writer.plain_bytes(subscription);
  connection_.send(std::move(frame));
}

void GroupMember::on_joined(Reader answer) {
  answer.i32();
  const int error = answer.i16();
  generation_ = answer.i32();
  answer.plain_string();
  const std::string leader(answer.plain_string());
  const std::string member(answer.plain_string());
  if (error == kMemberIdRequired) {
    member_id_ = member;
    return rejoin(0);
  }
  if (!passed(error, "JoinGroup")) return;
  member_id_ = member;
  std::vector<Membership> members;
  for (int32_t count = answer.i32(); count > 0 && !answer.bad; count--) {
    Membership each{std::string(answer.plain_string()), {}};
    answer.plain_string();
    const std::string_view metadata = answer.plain_bytes();
    Reader subscription(metadata.data(), metadata.size());
    subscription.i16();
    for (int32_t topics = subscription.i32(); topics > 0 && !subscription.bad; topics--) each.topics.emplace_back(subscription.plain_string());
    members.push_back(std::move(each));
  }
  if (answer.bad) return fail("an answer to JoinGroup that cannot be read");
  sync(leader == member_id_ ? members : std::vector<Membership>{});
}

// Of all members where it leads, else empty.
void GroupMember::sync(const std::vector<Membership>& members) {
  std::map<std::string, int> partitions;
  for (const auto& [topic, found] : load_.topics) partitions[topic] = static_cast<int>(found.size());
  std::string frame = begin(Step::kSync, ApiKey::kSyncGroup, kSyncVersion);
  Writer writer(frame);
  writer.i32(generation_);
  writer.plain_string(member_id_);
  writer.i16(-1);
  writer.i32(static_cast<int64_t>(members.size()));
  if (!members.empty()) {
    for (const auto& [member, topics] : divide_by_range(members, partitions)) {
      std::string assignment;
      Writer assigned(assignment);
      assigned.i16(0);
      assigned.i32(static_cast<int64_t>(topics.size()));
      for (const auto& [topic, indexes] : topics) {
        assigned.plain_string(topic);
        assigned.i32(static_cast<int64_t>(indexes.size()));
        for (const int index : indexes) assigned.i32(index);
      }
      assigned.i32(-1);
      writer.plain_string(member);
      writer.plain_bytes(assignment);
    }
  }
  connection_.send(std::move(frame));
}

void GroupMember::on_synced(Reader answer) {
  answer.i32();
  if (!passed(answer.i16(), "SyncGroup")) return;
  const std::string_view assignment = answer.plain_bytes();
  Reader assigned(assignment.data(), assignment.size());
  given_.clear();
  if (!assignment.empty()) assigned.i16();
  for (int32_t topics = assignment.empty() ? 0 : assigned.i32(); topics > 0 && !assigned.bad; topics--) {
    const auto topic = load_.topics.find(std::string(assigned.plain_string()));
    for (int32_t count = assigned.i32(); count > 0 && !assigned.bad; count--) {
      const int index = assigned.i32();
      if (topic == load_.topics.end()) continue;
      for (const TopicPartition& each : topic->second)
        if (each.partition == index) given_.push_back({&each, each.start_offset});
    }
  }
  if (answer.bad || assigned.bad) return fail("an assignment that cannot be read");
  fetch_offsets();
}

void GroupMember::fetch_offsets() {
  std::string frame = begin(Step::kOffsets, ApiKey::kOffsetFetch, kOffsetFetchVersion);
  Writer writer(frame);
  writer.i32(static_cast<int64_t>(given_.size()));
  for (const Consumer::Position& each : given_) {
    writer.plain_string(each.partition->topic);
    writer.i32(1);
    writer.i32(each.partition->partition);
  }
  connection_.send(std::move(frame));
}

void GroupMember::on_offsets(Reader answer) {
  answer.i32();
  int error = 0;
  for (int32_t topics = answer.i32(); topics > 0 && !answer.bad; topics--) {
    const std::string_view topic = answer.plain_string();
    for (int32_t count = answer.i32(); count > 0 && !answer.bad; count--) {
      const int index = answer.i32();
      const int64_t offset = answer.i64();
      answer.i32();
      answer.plain_string();
      const int own = answer.i16();
      if (own != 0) error = own;
      for (Consumer::Position& each : given_)
        if (each.partition->partition == index && each.partition->topic == topic && offset >= 0) each.offset = offset;
    }
  }
  const int whole = answer.i16();
  if (answer.bad) return fail("an answer to OffsetFetch that cannot be read");
  if (!passed(whole != 0 ? whole : error, "OffsetFetch")) return;
  const int64_t now = now_ns();
  assigned_ = given_.size();
  stable_ = true;
  retries_ = 0;
  heartbeat_at_ns_ = now + heartbeat_gap_ns();
  commit_at_ns_ = now + settings_.commit_ns;
  consumer_.assign(given_);
  consumer_.turn(now);
}

int64_t GroupMember::heartbeat_gap_ns() const { return settled_ ? settings_.heartbeat_ns : std::min(settings_.heartbeat_ns, kSettlingNs); }

void GroupMember::heartbeat(int64_t now) {
  heartbeat_at_ns_ = now + heartbeat_gap_ns();
  std::string frame = begin(Step::kHeartbeat, ApiKey::kHeartbeat, kHeartbeatVersion);
  Writer writer(frame);
  writer.i32(generation_);
  writer.plain_string(member_id_);
  writer.i16(-1);
  connection_.send(std::move(frame));
}

void GroupMember::commit(int64_t now) {
  commit_at_ns_ = now + settings_.commit_ns;
  const std::vector<Consumer::Position> positions = consumer_.positions();
  if (positions.empty()) return;
  std::string frame = begin(Step::kCommit, ApiKey::kOffsetCommit, kCommitVersion);
  Writer writer(frame);
  writer.i32(generation_);
  writer.plain_string(member_id_);
  writer.i16(-1);
  writer.i32(static_cast<int64_t>(positions.size()));
  for (const Consumer::Position& each : positions) {
    writer.plain_string(each.partition->topic);
    writer.i32(1);
    writer.i32(each.partition->partition);
    writer.i64(each.offset);
    writer.i32(-1);
    writer.i16(-1);
  }
  connection_.send(std::move(frame));
}

void GroupMember::leave() {
  if (failed_ || generation_ < 0) return;
  if (stable_) commit(now_ns());
  stable_ = false;
  join_at_ns_ = kNever;
  std::string frame = begin(Step::kLeave, ApiKey::kLeaveGroup, kLeaveVersion);
  Writer(frame).plain_string(member_id_);
  connection_.send(std::move(frame));
}

void GroupMember::on_answer(Reader answer) {
  const Step step = asked_.front();
  asked_.pop_front();
  switch (step) {
    case Step::kJoin:
      return on_joined(answer);
    case Step::kSync:
      return on_synced(answer);
    case Step::kOffsets:
      return on_offsets(answer);
    case Step::kHeartbeat:
      answer.i32();
      if (stable_) passed(answer.i16(), "Heartbeat");
      return;
    case Step::kCommit:
    case Step::kLeave:
      // A commit that a rebalance overtook is told by the next heartbeat.
      return;
  }
}

bool GroupMember::passed(int error, const char* what) {
  switch (error) {
    case 0:
      return true;
    case kCoordinatorLoading:
    case kCoordinatorNotAvailable:
    case kNotCoordinator:
      rejoin(kRetryNs);
      return false;
    case kUnknownMember:
      member_id_.clear();
      rejoin(0);
      return false;
    case kRebalancing:
    case kIllegalGeneration:
      rejoin(0);
      return false;
    default:
      fail(std::string(what) + " of group " + plan_.group + ": error " + std::to_string(error));
      return false;
  }
}

// As Kafka's eager protocol: what it has is committed and given up before it joins again.
void GroupMember::rejoin(int64_t delay_ns) {
  if (++retries_ > kRetriesMax) return fail("group " + plan_.group + " does not come to rest");
  const int64_t now = now_ns();
  if (stable_) commit(now);
  stable_ = false;
  assigned_ = 0;
  consumer_.assign({});
  join_at_ns_ = now + delay_ns;
}

void GroupMember::fail(const std::string& why) {
  if (failed_) return;
  failed_ = true;
  on_failed_(why);
}

}  // namespace load
