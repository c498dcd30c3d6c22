#include "agent/api_kv.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/changes.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct Store {
  ClusterState state;

  void put(const std::string& key, const std::string& value) {
    ++state.index;
    KeyRecord record;
    const bool there = state.kv.contains(key);
    if (there) record = state.kv.at(key);
    record.value = std::make_shared<const std::string>(value);
    record.modified = state.index;
    record.created = there ? record.created : state.index;
    record.version = there ? record.version + 1 : 1;
    state.kv.put(key, record);
    state.kv_changes.push_back({state.index, key, false});
  }
  void erase(const std::string& key, bool prefix = false) {
    ++state.index;
    state.kv.erase(key);
    state.kv_changes.push_back({state.index, key, prefix});
  }
  json list(const std::string& query) {
    return json::parse(key_list(state, *Query::parse(query)).body);
  }
  std::string events(const std::string& query) {
    return key_events(state, *Query::parse(query)).body;
  }
  bool news(const std::string& prefix, std::uint64_t index, bool exact = false) {
    return keys_changed(state, {Topic::Keys, prefix, exact, index, {}});
  }
};

TEST(ApiKv, AKeyIsShownWithItsIndexesAndItsBytesAreNotTouched) {
  Store store;
  store.put("a\"\\/\u00e9", "x");
  store.put("a\"\\/\u00e9", std::string("\0\xff", 2));
  const ApiResponse shown = one_key(store.state, "a\"\\/\u00e9", Query());
  const json body = json::parse(shown.body);
  EXPECT_EQ(body["key"], "a\"\\/\u00e9");
  EXPECT_EQ(body["value_base64"], "AP8=");
  EXPECT_EQ(body["created_index"], 1);
  EXPECT_EQ(body["modified_index"], 2);
  EXPECT_EQ(body["version"], 2);
  EXPECT_EQ(shown.header("ETag"), "\"2\"");
  EXPECT_EQ(shown.header("Muster-Index"), "2");
  const ApiResponse raw = one_key(store.state, "a\"\\/\u00e9", *Query::parse("raw"));
  EXPECT_EQ(raw.body, std::string("\0\xff", 2));
  EXPECT_EQ(raw.content_type, "application/octet-stream");
  const ApiResponse missing = one_key(store.state, "b", Query());
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Muster-Index"), "2");  // what a blocking read for it goes on from
  EXPECT_EQ(one_key(store.state, "a\nb", Query()).status, 400);
}

TEST(ApiKv, AListingGoesOnWhereThePageBeforeEnded) {
  Store store;
  for (const char* key : {"b/1", "a/1", "a/3", "a/2", "a"}) store.put(key, "v");
  EXPECT_EQ(store.list("prefix=a/&keys_only")["keys"], json::parse(R"(["a/1","a/2","a/3"])"));
  const json first = store.list("keys_only&limit=2");
  EXPECT_EQ(first["keys"], json::parse(R"(["a","a/1"])"));
  EXPECT_EQ(first["next"], "a/2");
  const json last = store.list("keys_only&limit=3&from=a/2");
  EXPECT_EQ(last["keys"], json::parse(R"(["a/2","a/3","b/1"])"));
  EXPECT_TRUE(last["next"].is_null());
  EXPECT_EQ(store.list("prefix=a/2")["keys"][0]["value_base64"], "dg==");
  EXPECT_EQ(key_list(store.state, *Query::parse("limit=10001")).status, 400);
}

TEST(ApiKv, APageEndsBeforeItIsTooLargeButHasAlwaysOneKey) {
  Store store;
  const std::string large(512 << 10, 'x');
  for (int i = 10; i < 40; ++i) store.put("k" + std::to_string(i), large);
  const ApiResponse page = key_list(store.state, Query());
  EXPECT_LT(page.body.size(), kListedBytesMax + 100);
  const json body = json::parse(page.body);
  EXPECT_GT(body["keys"].size(), 5U);
  EXPECT_EQ(body["next"], "k" + std::to_string(10 + body["keys"].size()));
}

TEST(ApiKv, EventsTellTheLastOfEachKeyInTheOrderOfTheirIndexes) {
  Store store;
  store.put("a/1", "x");
  store.put("b", "x");
  store.put("a/2", "y");
  store.put("a/1", "z");
  store.erase("a/2");
  EXPECT_EQ(store.events("prefix=a/&index=0"),
            "id: 4\nevent: put\ndata: {\"key\":\"a/1\",\"value_base64\":\"eg==\","
            "\"created_index\":1,\"modified_index\":4,\"version\":2}\n\n"
            "id: 5\nevent: delete\ndata: {\"key\":\"a/2\",\"modified_index\":5}\n\n");
  EXPECT_EQ(store.events("prefix=a/&index=5"), "");
  EXPECT_EQ(store.events("prefix=a/"), "");  // from now on
  store.erase("a", true);
  EXPECT_EQ(store.events("prefix=a/1&index=5"),
            "id: 6\nevent: delete-prefix\ndata: {\"prefix\":\"a\",\"modified_index\":6}\n\n");
  EXPECT_EQ(key_events(store.state, *Query::parse("prefix=a/&index=5")).header(kCursorHeader), "6");
}

TEST(ApiKv, AWatcherThatIsTooFarBehindIsToldToListAgain) {
  Store store;
  store.put("a", "x");
  store.put("a", "y");
  store.state.kv_changes_from = 2;
  EXPECT_EQ(store.events("index=1"), "id: 2\nevent: reset\ndata: {\"index\":2}\n\n");
  EXPECT_EQ(store.events("index=2"), "");
}

TEST(ApiKv, NewsIsWhatHappenedToTheKeyOrBelowThePrefixAndNothingElse) {
  Store store;
  store.put("a/1", "x");
  store.put("b", "x");
  EXPECT_TRUE(store.news("a/", 0));
  EXPECT_FALSE(store.news("a/", 1));
  EXPECT_TRUE(store.news("", 1));
  EXPECT_FALSE(store.news("a", 0, true));  // the key itself
  EXPECT_TRUE(store.news("a/1", 0, true));
  store.erase("a", true);
  EXPECT_TRUE(store.news("a/1", 2, true));
  EXPECT_TRUE(store.news("a/1/2", 2));
  EXPECT_FALSE(store.news("b", 2));
  store.state.kv_changes_from = 3;
  EXPECT_TRUE(store.news("zzz", 2));  // nobody knows any more
}

}  // namespace
}  // namespace muster::agent
