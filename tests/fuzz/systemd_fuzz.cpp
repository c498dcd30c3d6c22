// Can systemd, or who answers in its place, harm the table of units? libFuzzer's entry point: the
// input is a sequence of signals and of answers, each of which may or may not be what was asked
// for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "collector/systemd_units.h"
#include "tests/fuzz/fit_to_be_shown.h"

namespace {

using namespace muster;
using namespace muster::collector;

class Script {
 public:
  explicit Script(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool over() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int i = byte() % 9; i > 0; --i) value = value << 8 | byte();
    return value;
  }
  std::string text() {
    const std::string_view taken = bytes_.substr(0, std::size_t{byte()});
    bytes_.remove_prefix(std::min(bytes_.size(), taken.size()));
    return std::string(taken);
  }
  // Of a few, so that signals and answers meet; or any.
  std::string name() {
    constexpr const char* kNames[] = {"a.service", "b.timer",  "c.socket", "d.mount",
                                      "e.target",  "f.device", ""};
    const std::uint8_t which = byte() % 8;
    return which < 7 ? kNames[which] : text();
  }
  std::vector<UnitListing> listing() {
    std::vector<UnitListing> all;
    for (int i = byte() % 8; i > 0; --i) all.push_back({name(), text(), text()});
    return all;
  }

 private:
  std::string_view bytes_;
};

class Stage {
 public:
  explicit Stage(bool compat) : units_(options(compat)) {}

  void play(Script script) {
    while (!script.over()) {
      step(script);
      ask();
      if (const auto families = units_.families()) {
        fuzz::fit_to_be_shown(*families);
      } else {
        CHECK(!families.error().text.empty());
      }
    }
  }

 private:
  static SystemdOptions options(bool compat) {
    SystemdOptions some;
    some.compat_1_5 = compat;
    return some;
  }

  void ask() {
    for (Question& question : units_.take_questions(now_)) asked_.push_back(std::move(question));
    CHECK(asked_.size() <= SystemdUnits::kAskedMax);
  }

  void step(Script& script) {
    switch (script.byte() % 10) {
      case 0:
        if (!std::exchange(connected_, true)) units_.on_connected();
        break;
      case 1:
        connected_ = false;
        asked_.clear();
        units_.on_lost(script.text());
        break;
      case 2: units_.on_new(script.name(), now_); break;
      case 3: units_.on_removed(script.name(), now_); break;
      case 4: {
        UnitChange change;
        const std::uint8_t what = script.byte();
        if ((what & 1) != 0) change.active = script.text();
        if ((what & 2) != 0) change.entered = script.number();
        if ((what & 4) != 0) change.restarts = script.number();
        if ((what & 8) != 0) change.last_trigger = script.number();
        units_.on_changed(script.name(), change, now_);
        break;
      }
      case 5: units_.on_reloading(script.byte() % 2 == 1); break;
      case 6: units_.on_manager_changed(now_); break;
      case 7: now_ += std::chrono::milliseconds(script.byte() * 4); break;
      default: answer(script);
    }
  }

  void answer(Script& script) {
    if (asked_.empty()) return;
    const Question question = asked_.front();
    asked_.pop_front();
    const bool fails = script.byte() % 4 == 0;
    if (std::holds_alternative<ListUnits>(question)) {
      units_.on_list(script.listing());
    } else if (const auto* named = std::get_if<ListNamed>(&question)) {
      CHECK(!named->names.empty() && named->names.size() <= SystemdUnits::kNamedMax);
      units_.on_named(named->names, fails ? std::nullopt : std::optional(script.listing()));
    } else if (const auto* unit = std::get_if<AskUnit>(&question)) {
      units_.on_property(
          unit->name, unit->property,
          fails ? std::nullopt : std::optional(PropertyValue{script.text(), script.number()}));
    } else {
      units_.on_manager(
          fails ? std::nullopt
                : std::optional(SystemProperties{script.text(), script.text(), script.text()}));
    }
  }

  SystemdUnits units_;
  std::deque<Question> asked_;
  Instant now_{};
  bool connected_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view script(reinterpret_cast<const char*>(data) + 1, size - 1);
  Stage(data[0] % 2 == 1).play(Script(script));
  return 0;
}
