#include "agent/yaml_api.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(YamlApi, JsonAndYamlAreBothTaken) {
  const auto writes = parse_writes(
      "{\"name\": \"a\", \"command\": [\"x\"]}\n---\nname: b\n"
      "command: [y]\n");
  ASSERT_TRUE(writes) << writes.error().text;
  ASSERT_EQ(writes->size(), 2U);
  EXPECT_EQ(std::get<PutWorkload>(writes->at(1)).spec.command, std::vector<std::string>{"y"});
}

TEST(YamlApi, AnEmptyBodyAndOneThatIsNoYamlAreRefused) {
  for (const char* body : {"", "---\n", "name: [", "\xff", "[1]"}) {
    const auto writes = parse_writes(body);
    ASSERT_FALSE(writes) << body;
    EXPECT_EQ(writes.error().code, Code::InvalidArgument);
    EXPECT_TRUE(writes.error().text.starts_with("body:1:")) << writes.error().text;
  }
}

TEST(YamlApi, AFileWithANameOrACommandIsAboutWorkloads) {
  EXPECT_EQ(*kind_of_file("name: a\n", "f"), FileKind::Workloads);
  EXPECT_EQ(*kind_of_file("comand: [x]\n---\ncommand: [x]\n", "f"), FileKind::Workloads);
  EXPECT_EQ(*kind_of_file("node: {name: a}\nmasters: []\n", "f"), FileKind::Configuration);
  EXPECT_EQ(*kind_of_file("", "f"), FileKind::Configuration);
  EXPECT_FALSE(kind_of_file("a: [", "f"));
}

}  // namespace
}  // namespace muster::agent
