#include "base/yaml_reader.h"

#include <gtest/gtest.h>

#include "tests/driver/temp_dir.h"

namespace muster {
namespace {

using namespace std::chrono_literals;

// What parse() alone says of a text that cannot be read; empty when it can.
std::string refusal(std::string_view text) {
  const auto file = YamlFile::parse(text, "f.yaml");
  return file ? "" : file.error().text;
}

// The problems of a text from which `read` takes what it knows.
template <class Read>
std::vector<std::string> problems_of(std::string_view text, Read read) {
  auto file = YamlFile::parse(text, "f.yaml");
  if (!file) return {file.error().text};
  read(file->document());
  std::vector<std::string> texts;
  for (const Error& error : file->finish()) {
    EXPECT_EQ(error.code, Code::InvalidArgument);
    EXPECT_EQ(error.text.find('\n'), std::string::npos);
    texts.push_back(error.text);
  }
  return texts;
}
using Texts = std::vector<std::string>;

TEST(YamlReader, ReadsEveryTypeFromItsKey) {
  std::string text;
  bool flag = false;
  std::uint16_t port = 0;
  Duration wait{};
  Duration period{};
  std::uint64_t bytes = 0;
  std::uint32_t millis = 0;
  std::vector<std::string> items;
  const auto problems = problems_of(
      "text: 007\nflag: true\nport: 80\nwait: 500ms\nperiod: 0.2\nbytes: 1KiB\ncpu: 1.5\n"
      "items: [a, \"b c\"]\nlabels:\n  a.b/c: d\n",
      [&](const YamlNode& root) {
        EXPECT_TRUE(root.key("text").read(text));
        EXPECT_TRUE(root.key("flag").read(flag));
        EXPECT_TRUE(root.key("port").read_number<std::uint16_t>(port, 1, 65535));
        EXPECT_TRUE(root.key("wait").read_duration(wait));
        EXPECT_TRUE(root.key("period").read_seconds(period));
        EXPECT_TRUE(root.key("bytes").read_size(bytes));
        EXPECT_TRUE(root.key("cpu").read_cpu(millis));
        for (const YamlNode& item : root.key("items").items(9, "a list")) {
          item.read(items.emplace_back());
        }
        const auto labels = root.key("labels").entries(9);
        ASSERT_EQ(labels.size(), 1U);
        EXPECT_EQ(labels[0].first, "a.b/c");
      });
  EXPECT_EQ(problems, Texts{});
  EXPECT_EQ(text, "007");
  EXPECT_TRUE(flag);
  EXPECT_EQ(port, 80);
  EXPECT_EQ(wait, Duration(500ms));
  EXPECT_EQ(period, Duration(200ms));
  EXPECT_EQ(bytes, 1024U);
  EXPECT_EQ(millis, 1500U);
  EXPECT_EQ(items, (Texts{"a", "b c"}));
}

TEST(YamlReader, AbsentKeysLeaveTheDefaultAndAreReportedAsUnset) {
  auto file = YamlFile::parse("a:\n", "f.yaml");
  ASSERT_TRUE(file);
  int value = 7;
  EXPECT_FALSE(file->document().key("a").key("b").read_number(value, 0, 9));
  EXPECT_FALSE(file->document().key("c").key("d").read_number(value, 0, 9));
  EXPECT_EQ(value, 7);
  EXPECT_EQ(file->unset(), (Texts{"a.b", "c", "c.d"}));
  EXPECT_TRUE(file->finish().empty());
}

TEST(YamlReader, UnknownKeysAreNamedWithTheNearestKnownOne) {
  const auto read = [](const YamlNode& root) {
    (void)root.key("listen").key("http_port");
    for (const YamlNode& item : root.key("list").items(9, "a list")) (void)item.key("name");
  };
  EXPECT_EQ(
      problems_of("listen:\n  http_prot: 1\nlist:\n  - name: a\n    nam: b\nwholly: other\n", read),
      (Texts{"f.yaml:2:3: listen.http_prot: unknown key, did you mean http_port?",
             "f.yaml:5:5: list[0].nam: unknown key, did you mean name?",
             "f.yaml:6:1: wholly: unknown key, the keys here are listen, list"}));
}

TEST(YamlReader, DuplicateKeysAreNamedWithTheFirstOne) {
  EXPECT_EQ(problems_of("a:\n  b: 1\n  c: 2\n  b: 3\n",
                        [](const YamlNode& root) {
                          int value = 0;
                          root.key("a").key("b").read_number(value, 0, 9);
                          root.key("a").key("c").read_number(value, 0, 9);
                        }),
            Texts{"f.yaml:4:3: a.b: duplicate key, given before at line 2: remove one of them"});
}

struct BadScalar {
  const char* yaml;
  const char* problem;
};

TEST(YamlReader, WrongTypesSayWhatIsExpectedAndWhatIsThere) {
  const BadScalar numbers[] = {
      {"k: abc", "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"abc\""},
      {"k: 0", "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"0\""},
      {"k: -3", "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"-3\""},
      {"k: 99999999999999999999",
       "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"99999999999999999999\""},
      {"k: 05", "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"05\""},
      {"k: 1.5", "f.yaml:1:4: k: expected a whole number from 1 to 9, found \"1.5\""},
      {"k: \"5\"",
       "f.yaml:1:4: k: expected a whole number from 1 to 9 without quotes, found \"5\""},
      {"k:", "f.yaml:1:1: k: expected a whole number from 1 to 9, found nothing"},
      {"k: [1]", "f.yaml:1:4: k: expected a whole number from 1 to 9, found a list"},
      {"k:\n  a: 1", "f.yaml:2:3: k: expected a whole number from 1 to 9, found a mapping"},
  };
  for (const BadScalar& bad : numbers) {
    int value = 5;
    EXPECT_EQ(
        problems_of(bad.yaml, [&](const YamlNode& r) { r.key("k").read_number(value, 1, 9); }),
        Texts{bad.problem});
    EXPECT_EQ(value, 5);
  }
  bool flag = false;
  EXPECT_EQ(problems_of("k: yes", [&](const YamlNode& r) { r.key("k").read(flag); }),
            Texts{"f.yaml:1:4: k: expected true or false, found \"yes\""});
  Duration wait{};
  EXPECT_EQ(problems_of("k: 5", [&](const YamlNode& r) { r.key("k").read_duration(wait); }),
            Texts{"f.yaml:1:4: k: \"5\" is not a duration: write a number with its unit, such as "
                  "500ms, 10s, 5m, 1h or 7d"});
  std::string text;
  EXPECT_EQ(problems_of("k: ~", [&](const YamlNode& r) { r.key("k").read(text); }),
            Texts{"f.yaml:1:1: k: expected text, found nothing"});
  EXPECT_EQ(problems_of("k: 1", [&](const YamlNode& r) { (void)r.key("k").key("a"); }),
            Texts{"f.yaml:1:4: k: expected a mapping of keys to values, found \"1\""});
  EXPECT_EQ(problems_of("- 1", [&](const YamlNode& r) { (void)r.key("k").key("a"); }),
            Texts{"f.yaml:1:1: expected a mapping of keys to values, found a list"});
  EXPECT_EQ(problems_of("k: a b", [&](const YamlNode& r) { (void)r.key("k").items(9, "a list"); }),
            Texts{"f.yaml:1:4: k: expected a list, found \"a b\""});
  EXPECT_EQ(problems_of("k: [1, 2]", [&](const YamlNode& r) { (void)r.key("k").items(1, "x"); }),
            Texts{"f.yaml:1:4: k: at most 1 items are taken, found 2"});
}

TEST(YamlReader, TextThatIsNotPlainYamlIsRefusedWithItsPlace) {
  const BadScalar cases[] = {
      {"a: *x", "f.yaml:1:4: a: not YAML: the referenced anchor is not defined"},
      {"a: &x 1\nb: [*x]", "f.yaml:2:5: b[0]: aliases (*name) are not taken: write the value out"},
      {"a: !!int 3", "f.yaml:1:4: a: tags are not taken: remove \"tag:yaml.org,2002:int\""},
      {"? [a]\n: b", "f.yaml:1:3: a key must be a word, found a list"},
      {"a: b: c", "f.yaml:1:5: not YAML: illegal map value"},
      {"a:\n\tb: 1", "f.yaml:2:3: not YAML: illegal map value"},
      {"name: [",
       "f.yaml:1:7: name[0]: not YAML: what begins here is never closed (end of sequence "
       "flow not found)"},
      {"a: 1\nb: \"abc\nc: 3\n",
       "f.yaml:2:1: b: not YAML: what begins here is never closed "
       "(illegal document indicator in scalar)"},
      {"a: b\xff", "f.yaml:1:1: not UTF-8 text: a control character or a broken sequence"},
      {"a: 1\nb: \x04", "f.yaml:2:4: not UTF-8 text: a control character or a broken sequence"},
  };
  for (const BadScalar& bad : cases) EXPECT_EQ(refusal(bad.yaml), bad.problem);
}

TEST(YamlReader, SizeDepthAndNumberOfValuesAreBounded) {
  std::string deep;
  for (std::size_t i = 0; i <= kYamlDepthMax; ++i) deep += std::string(i, ' ') + "a:\n";
  EXPECT_NE(refusal(deep + std::string(kYamlDepthMax + 1, ' ') + "b").find("nested deeper than 32"),
            std::string::npos);
  EXPECT_NE(refusal(std::string(kYamlBytesMax + 1, '#')).find("larger than 1048576 bytes"),
            std::string::npos);
  EXPECT_EQ(refusal(std::string(kYamlBytesMax, '#')), "");
  std::string wide;
  for (std::size_t i = 0; i < kYamlValuesMax; ++i) wide += "- a\n";
  EXPECT_NE(refusal(wide).find("more than 65536 values"), std::string::npos);
  std::string keys;
  for (std::size_t i = 0; i <= kYamlKeysMax; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_NE(refusal(keys).find("more than 1024 keys"), std::string::npos);
  for (const char* piece : {"{", "[", "? ", "- ", "a: ", "\"", "|\n", "--- ", "&a ", "%A b\n"}) {
    std::string text;
    while (text.size() < kYamlBytesMax / 4) text += piece;
    (void)refusal(text);  // answers, without exhausting the stack
  }
}

TEST(YamlReader, ManyProblemsAreCountedAfterTheFirstHundred) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const auto problems = problems_of(text, [](const YamlNode& root) { (void)root.key("known"); });
  ASSERT_EQ(problems.size(), 101U);
  EXPECT_EQ(problems.back(), "f.yaml: and 50 more problems");
}

TEST(YamlReader, ProblemsOfValuesGoToTheNearestPlaceThatIsWritten) {
  auto file = YamlFile::parse("labels:\n  a.b: x\n  a: y\nlist:\n  - n: 1\n  - n: 2\n", "f.yaml");
  ASSERT_TRUE(file);
  const YamlNode root = file->document();
  (void)root.key("labels").entries(9);
  for (const YamlNode& item : root.key("list").items(9, "a list")) (void)item.key("n");
  file->add(root, {{"list[1].n", "p1"},
                   {"list[1].m.o", "p2"},
                   {"labels.a.b", "p3"},
                   {"other", "p4"},
                   {"list[7]", "p5"}});
  EXPECT_EQ(joined(file->finish()).text,
            "f.yaml:1:1: other: p4\nf.yaml:2:8: labels.a.b: p3\nf.yaml:5:3: list[7]: p5\n"
            "f.yaml:6:5: list[1].m.o: p2\nf.yaml:6:8: list[1].n: p1");
}

TEST(YamlReader, KeysThatDoNotFitOneLineAreEscaped) {
  EXPECT_EQ(problems_of("\"a\\nb\": 1", [](const YamlNode& root) { (void)root.key("known"); }),
            Texts{"f.yaml:1:1: \"a\\x0ab\": unknown key, the keys here are known"});
}

TEST(YamlReader, EmptyDocumentsAreLeftOutAndASecondOneIsNamed) {
  auto several = YamlFile::parse("---\na: 1\n---\n---\nb: 2\n...\n", "f.yaml");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->documents().size(), 2U);
  (void)several->document().key("a");
  EXPECT_EQ(joined(several->finish()).text,
            "f.yaml:5:1: only one document is taken: remove this one");
  for (const char* empty : {"", "# nothing\n", "---\n", "\xef\xbb\xbf"}) {
    auto file = YamlFile::parse(empty, "f.yaml");
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->documents().empty());
    EXPECT_FALSE(file->document().key("a").present());
  }
}

TEST(YamlReader, FilesThatCannotBeReadAreNamed) {
  const TempDir dir;
  const std::string path = dir.file("a.yaml");
  EXPECT_EQ(read_yaml_text(path).error(),
            (Error{Code::NotFound, "cannot read " + path + ": No such file or directory"}));
  EXPECT_EQ(read_yaml_text(dir.path()).error().text,
            "cannot read " + dir.path() + ": Is a directory");
  write_file(path, std::string(kYamlBytesMax, '#'));
  EXPECT_EQ(read_yaml_text(path).value().size(), kYamlBytesMax);
  write_file(path, std::string(kYamlBytesMax + 1, '#'));
  EXPECT_EQ(read_yaml_text(path).error().code, Code::Exhausted);
}

}  // namespace
}  // namespace muster
