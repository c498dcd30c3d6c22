#include "agent/step_queue.h"

#include <vector>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

std::vector<StepQueue::Id> all_of(StepQueue& queue) {
  std::vector<StepQueue::Id> order;
  while (const auto id = queue.next()) order.push_back(*id);
  return order;
}

TEST(StepQueue, WhatHasBegunGoesFirstAndEachFourthTurnIsForOneThatHasNot) {
  StepQueue queue;
  for (StepQueue::Id id = 1; id <= 3; ++id) queue.push(id, false);
  for (StepQueue::Id id = 11; id <= 17; ++id) queue.push(id, true);
  EXPECT_EQ(all_of(queue), (std::vector<StepQueue::Id>{11, 12, 13, 1, 14, 15, 16, 2, 17, 3}));
}

TEST(StepQueue, AmongEqualsTheOneThatWaitsLongestIsNext) {
  StepQueue queue;
  for (const StepQueue::Id id : {5U, 4U, 6U}) queue.push(id, false);
  EXPECT_EQ(all_of(queue), (std::vector<StepQueue::Id>{5, 4, 6}));
  EXPECT_FALSE(queue.next());
}

}  // namespace
}  // namespace muster::agent
