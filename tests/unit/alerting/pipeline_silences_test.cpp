// What does a silence do to what receivers are told?
#include <gtest/gtest.h>

#include "alerting/pipeline.h"
#include "pipeline_fixture.h"

namespace muster::alerting {
namespace {

Alert muted(Alert alert) {
  alert.muted = true;
  return alert;
}

TEST_F(PipelineTest, NobodyIsToldOfASilencedAlertUntilTheSilenceEnds) {
  active({muted(node_failed("n1"))});
  EXPECT_TRUE(quiet_for(hours(5)));
  EXPECT_EQ(pipeline->tracked(), 0U);
  active({node_failed("n1")});
  EXPECT_EQ(told(next()), Told{"+n1"});
}

TEST_F(PipelineTest, AnAlertSilencedAfterItWasToldIsNotRepeatedAndItsEndIsTold) {
  active({node_failed("n1")});
  answer(next().id, 200);
  active({muted(node_failed("n1"))});
  EXPECT_TRUE(quiet_for(hours(9))) << "no reminder";
  active({});
  EXPECT_EQ(told(next()), Told{"-n1"});
}

TEST_F(PipelineTest, AReminderThatASilenceHeldBackComesAfterIt) {
  active({node_failed("n1")});
  answer(next().id, 200);
  active({muted(node_failed("n1"))});
  ASSERT_TRUE(quiet_for(hours(9)));
  active({node_failed("n1")});
  EXPECT_EQ(told(next(seconds(1))), Told{"+n1"});
}

TEST_F(PipelineTest, ASilencedAlertIsNotInWhatIsToldOfItsGroup) {
  active({node_failed("n1")});
  answer(next().id, 200);
  active({muted(node_failed("n1")), node_failed("n2")});
  EXPECT_EQ(told(next()), Told{"+n2"});
}

TEST_F(PipelineTest, AnAlertSilencedBeforeItsGroupWasToldIsNotTold) {
  active({node_failed("n1")});
  advance(milliseconds(200));
  active({muted(node_failed("n1"))});
  EXPECT_TRUE(quiet_for(hours(5)));
}

}  // namespace
}  // namespace muster::alerting
