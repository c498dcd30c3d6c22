#include "collector/os.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

constexpr const char* kPath = "/etc/os-release";

// The value of one label of node_os_info.
std::string label(const Result<Families>& families, const std::string& name) {
  if (!families) return families.error().text;
  for (const auto& [key, value] : families->front().samples.front().labels) {
    if (key == name) return value;
  }
  return "no such label";
}

TEST(Os, TheFileBecomesLabelsAndItsVersionANumber) {
  EXPECT_EQ(samples_text(parse_os_release(kPath,
                                          "NAME=\"Example Linux\"\nID=example\nID_LIKE='rhel "
                                          "fedora'\n# a comment\n\nVERSION_ID=\"9.4.1\"\n",
                                          false)),
            "node_os_info{build_id=\"\",id=\"example\",id_like=\"rhel fedora\",image_id=\"\","
            "image_version=\"\",name=\"Example Linux\",pretty_name=\"\",variant=\"\","
            "variant_id=\"\",version=\"\",version_codename=\"\",version_id=\"9.4.1\"} 1\n"
            "node_os_version{id=\"example\",id_like=\"rhel fedora\",name=\"Example Linux\"} 9.4\n");
}

TEST(Os, ValuesAreReadAsAShellReadsThem) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(bare)", "bare"},
      {R"("two words")", "two words"},
      {R"('two $words')", "two $words"},
      {R"("a \"quoted\" \$ \` \\ \n")", "a \"quoted\" $ ` \\ \\n"},
      {R"(mixed" and "joined)", "mixed and joined"},
      {R"(two\ words)", "two words"},
      {R"('\')", "\\"},
      {R"()", ""},
  };
  for (const auto& [written, meant] : cases) {
    EXPECT_EQ(label(parse_os_release(kPath, "NAME=" + written + "\n", false), "name"), meant);
  }
  EXPECT_EQ(label(parse_os_release(kPath, "NAME=\"no newline\"", false), "name"), "no newline");
}

TEST(Os, AVersionThatBeginsWithNoNumberIsLeftOut) {
  const std::pair<std::string, std::string> cases[] = {
      {"12", "12"}, {"22.04", "22.04"}, {"7.", "7"}, {"rolling", ""}, {"", ""}, {".5", ""}};
  for (const auto& [written, shown] : cases) {
    const std::string text =
        samples_text(parse_os_release(kPath, "VERSION_ID=" + written + "\n", false));
    const std::string expected =
        shown.empty() ? "" : "node_os_version{id=\"\",id_like=\"\",name=\"\"} " + shown + "\n";
    EXPECT_EQ(text.substr(text.find('\n') + 1), expected) << written;
  }
}

TEST(Os, TheEndOfSupportIsATimeInUtc) {
  const std::string text = "SUPPORT_END=2032-05-31\n";
  EXPECT_NE(samples_text(parse_os_release(kPath, text, false))
                .find("node_os_support_end_timestamp_seconds 1969574400\n"),
            std::string::npos);
  EXPECT_EQ(samples_text(parse_os_release(kPath, text, true)).find("support_end"),
            std::string::npos);
  for (const char* date : {"2032-5-31", "2032-02-30", "31.05.2032", "soon"}) {
    expect_refusal(parse_os_release(kPath, std::string("SUPPORT_END=") + date, false), "os",
                   "SUPPORT_END");
  }
}

TEST(Os, WhatAShellWouldNotReadAsAssignmentsIsRefused) {
  for (const char* text : {"", "NAME\n", "=x\n", "NAME=two words\n", "NAME=\"open\n",
                           "NAME='open\n", "NAME=end\\\n", "A B=c\n", "\x01\x02\n"}) {
    EXPECT_FALSE(parse_os_release(kPath, text, false)) << text;
  }
  expect_refusal(parse_os_release(kPath, "NAME=" + std::string(70000, 'x') + "\n", false), "os",
                 "is larger than any os-release");
}

TEST(OsRelease, IsReadAgainOnlyWhenTheFileWasWrittenOrTheOtherIsToBeTaken) {
  MadeUpHost machine;
  OsRelease release(false);
  const auto name = [&] { return label(release.collect(machine), "name"); };
  machine.files = {{"/usr/lib/os-release", "NAME=first\n"}};
  EXPECT_EQ(name(), "first");
  machine.files["/usr/lib/os-release"] = "NAME=second\n";
  EXPECT_EQ(name(), "first");
  machine.times["/usr/lib/os-release"] = 7;
  EXPECT_EQ(name(), "second");
  machine.files["/etc/os-release"] = "NAME=third\n";
  machine.times["/etc/os-release"] = 7;
  EXPECT_EQ(name(), "third");
  machine.files["/etc/os-release"] = "garbage\n";
  machine.times["/etc/os-release"] = 8;
  EXPECT_NE(name().find("is not NAME=VALUE"), std::string::npos);
  EXPECT_NE(name().find("is not NAME=VALUE"), std::string::npos);
}

TEST(OsRelease, AMachineWithoutTheFileHasNoData) {
  OsRelease release(false);
  const auto none = release.collect(MadeUpHost());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
