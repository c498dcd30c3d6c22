// Can a damaged history harm its agent? libFuzzer's entry point: the first byte chooses whether
// what follows is the body of a list of times and of columns, the rows of a history's file, or a
// change of that file's bytes. Checksums are made to fit where an input could not guess them.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/sqlite_database.h"
#include "collector/history_block.h"
#include "collector/sqlite_history.h"
#include "tests/fuzz/directory.h"

namespace {

using namespace muster;
using namespace muster::collector;
namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr WallTime kNow{std::chrono::seconds(1'795'221'526)};

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::string_view take(std::size_t count) {
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  template <class Number>
  Number number() {
    Number value{};
    const std::string_view raw = take(sizeof value);
    std::memcpy(&value, raw.data(), raw.size());
    return value;
  }
  std::string_view counted() { return take(number<std::uint8_t>()); }

 private:
  std::string_view bytes_;
};

// As encode_*() would have put it.
std::string sealed(std::string_view body) {
  const auto sum = static_cast<std::uint32_t>(fnv1a64(body));
  std::string out;
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>(sum >> (8 * i));
  return out.append(body);
}

bool same(const std::vector<float>& one, const std::vector<float>& two) {
  return one.size() == two.size() &&
         (one.empty() || std::memcmp(one.data(), two.data(), one.size() * sizeof one[0]) == 0);
}

void decode(Input in) {
  const std::string times_body(in.counted());
  const auto times = decode_times(sealed(times_body));
  (void)decode_times(times_body);
  if (!times) return;
  CHECK(!times->empty() && times->size() <= kBlockPointsMax && times->front() >= 0);
  CHECK(*decode_times(encode_times(*times)) == *times);
  std::vector<HistoryBlock> blocks(1);
  blocks[0].times = *times;
  for (char name = 'a'; !in.empty() && name <= 'd'; ++name) {
    const std::string body(in.counted());
    const auto column = decode_column(sealed(body), times->size());
    (void)decode_column(body, times->size());
    if (!column) continue;
    CHECK(column->mean.size() == times->size());
    const auto again = decode_column(encode_column(*column), times->size());
    CHECK(again && same(again->mean, column->mean) && same(again->low, column->low) &&
          same(again->high, column->high));
    blocks[0].columns[{name}] = *column;
  }
  const HistoryBlock whole = merged(blocks, kCoarseStepMs);
  CHECK(!whole.times.empty() && whole.times.size() <= times->size());
  CHECK(whole.columns.size() == blocks[0].columns.size());
}

// One for all inputs.
const std::string& path() {
  static const fuzz::Directory directory;
  static const std::string made = directory.path() + "/history.db";
  return made;
}

void put(const std::string& bytes) {
  std::error_code ignored;
  for (const char* const part : {"", "-wal", "-shm", ".damaged"})
    fs::remove(path() + part, ignored);
  std::ofstream(path(), std::ios::binary) << bytes;
}

HistoryOptions options() {
  HistoryOptions some;
  some.downsample_after = std::chrono::minutes(10);
  return some;
}

// A file with three blocks of two series.
const std::string& whole_file() {
  static const std::string bytes = [] {
    put("");
    fs::remove(path());
    {
      SqliteHistory history(path(), options());
      for (int tick = 0; tick < 150; ++tick) {
        history.add(kNow - seconds(10 * (400 - tick)),
                    {{"load", float(tick % 7)}, {"memory", 5.0F}});
      }
      CHECK(history.flush().empty());
    }
    std::ifstream in(path(), std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }();
  return bytes;
}

// Whatever lies there, an agent goes on: it reads, it writes, and it finds again what it wrote.
void live_with_it() {
  SqliteHistory history(path(), options());
  (void)history.flush();
  (void)history.series();
  for (const char* const series : {"load", "memory", "none"}) {
    const auto grid = history.read(series, kNow - std::chrono::hours(2), kNow, seconds(60));
    if (grid) CHECK(grid->column().mean.size() >= 120);
  }
  (void)history.read("load", WallTime{}, kNow, std::chrono::hours(24));
  for (int tick = 0; tick < 70; ++tick) history.add(kNow + seconds(10 * tick), {{"load", 3.0F}});
  (void)history.flush();
  (void)history.flush();
  const auto now = history.read("load", kNow, kNow + seconds(100), seconds(10));
  CHECK(now && now->column().mean.at(3) == 3.0F);
}

void damage_rows(Input in) {
  put(whole_file());
  {
    auto database = SqliteDatabase::open(SqliteHistory::options(path(), options().max_bytes));
    CHECK(database);
    auto block = database->prepare("INSERT OR REPLACE INTO block VALUES(?, ?, ?, ?, ?, ?)");
    auto series = database->prepare("INSERT OR REPLACE INTO series VALUES(?, ?, ?)");
    CHECK(block && series);
    for (int rows = 0; !in.empty() && rows < 8; ++rows) {
      const auto id =
          in.number<std::int8_t>() >= 0 ? std::int64_t{rows} + 1 : in.number<std::int64_t>();
      block->bind(1, id);
      for (int column = 2; column <= 5; ++column) block->bind(column, in.number<std::int64_t>());
      const std::string times = sealed(in.counted());
      const std::string data = sealed(in.counted());
      CHECK(block->bind_blob(6, times).run());
      CHECK(series->bind(1, id).bind_text(2, "load").bind_blob(3, data).run());
    }
  }
  live_with_it();
}

void damage_bytes(Input in) {
  std::string file = whole_file();
  while (!in.empty()) {
    const std::size_t at = in.number<std::uint32_t>() % file.size();
    const std::string_view bytes = in.counted();
    file.replace(at, std::min(bytes.size(), file.size() - at), bytes.substr(0, file.size() - at));
  }
  put(file);
  live_with_it();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Input rest(std::string_view(reinterpret_cast<const char*>(data), size).substr(1));
  switch (data[0] % 4) {
    case 0:
    case 1: decode(rest); break;
    case 2: damage_rows(rest); break;
    default: damage_bytes(rest);
  }
  return 0;
}
