// A test runner in one header: TEST(name) { ... } anywhere, EXPECT inside, `N passed, N failed` at the end.
// Tests run in one thread, in the order linked.

#ifndef RINGLOG_TEST_TEST_H
#define RINGLOG_TEST_TEST_H

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace ringlog::test {

struct Test {
  const char* name;
  void (*run)();
};

struct Run {
  std::vector<Test> tests;
  int failures = 0;      // of the test now running
  std::string skipped;   // why, when it gave up
};

inline Run& current() {
  static Run run;
  return run;
}

struct Registration {
  Registration(const char* name, void (*run)()) { current().tests.push_back({name, run}); }
};

// The first few say enough; a broken loop would print millions.
inline void fail(const char* file, int line, const std::string& what) {
  if (++current().failures <= 5) std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>((next() >> 32) % bound); }

 private:
  uint64_t state_;
};

}  // namespace ringlog::test

#define TEST(name)                                                                      \
  static void test_##name();                                                            \
  static const ::ringlog::test::Registration registration_##name{#name, test_##name};   \
  static void test_##name()

#define EXPECT(condition)                                                               \
  do {                                                                                  \
    if (!(condition)) ::ringlog::test::fail(__FILE__, __LINE__, #condition);            \
  } while (0)

#define EXPECT_EQ(actual, expected)                                                     \
  do {                                                                                  \
    const auto actual_ = (actual);                                                      \
    const auto expected_ = (expected);                                                  \
    if (!(actual_ == expected_))                                                        \
      ::ringlog::test::fail(__FILE__, __LINE__,                                         \
                            std::string(#actual " is ") + std::to_string(actual_) +     \
                                ", not " + std::to_string(expected_));                  \
  } while (0)

#define SKIP(why)                                                                       \
  do {                                                                                  \
    ::ringlog::test::current().skipped = (why);                                         \
    return;                                                                             \
  } while (0)

#endif
