// Runs every registered test, or those whose name contains the argument.

#include <chrono>
#include <cstring>

#include "test/test.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  auto& run = ringlog::test::current();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int passed = 0;
  int failed = 0;
  for (const auto& test : run.tests) {
    if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr) continue;
    run.failures = 0;
    run.skipped.clear();
    const auto start = Clock::now();
    test.run();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    if (run.failures > 0) {
      ++failed;
      std::printf("FAILED %s: %d failures (%lld ms)\n", test.name, run.failures, static_cast<long long>(took));
    } else if (!run.skipped.empty()) {
      std::printf("skipped %s: %s\n", test.name, run.skipped.c_str());
    } else {
      ++passed;
      std::printf("ok %s (%lld ms)\n", test.name, static_cast<long long>(took));
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
