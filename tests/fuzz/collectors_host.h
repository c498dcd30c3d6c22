// A machine that tells what an input tells it, and one that writes such an input.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/collector.h"
#include "collector/host_fs.h"

namespace muster::fuzz {

// Behind each answer; no text that a collector reads has it.
inline constexpr char kNext = '\xff';
// The whole answer when there is one that no text is.
inline constexpr char kRefused = '\x01';

inline collector::CollectorOptions collector_options(bool compat) {
  collector::CollectorOptions options;
  options.cpu_info = true;
  options.textfiles = "/srv/metrics";
  options.compat_1_5 = compat;
  options.copies = [] {
    return std::vector<collector::Copy>{{"web", 7, 70, 100, 2}, {"db", 8, 80, 300, 0}};
  };
  return options;
}

// Answers each question with what comes next, whatever it is about.
class ToldHost final : public collector::HostFs {
 public:
  explicit ToldHost(std::string_view told) : told_(told) {}

  [[nodiscard]] Result<std::string> read(std::string_view path) const override {
    const std::string_view answer = next();
    if (answer.empty()) return fail(Code::NotFound, "no " + std::string(path));
    if (answer.size() == 1 && answer.front() == kRefused) {
      return fail(Code::PermissionDenied, "not for you: " + std::string(path));
    }
    return std::string(answer);
  }
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override {
    auto text = read(path);
    if (!text) return tl::unexpected(text.error());
    std::vector<std::string> names;
    for (std::string_view rest = *text; !rest.empty() && names.size() < kNamesMax;) {
      const std::string_view name = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      const bool possible = !name.empty() && name != "." && name != ".." &&
                            name.find('/') == std::string_view::npos &&
                            name.find('\0') == std::string_view::npos;
      if (possible) names.emplace_back(name);
    }
    return names;
  }
  [[nodiscard]] Result<std::string> link(std::string_view path) const override {
    return read(path);
  }
  [[nodiscard]] Result<std::int64_t> modified(std::string_view path) const override {
    return raw<std::int64_t>(path);
  }
  [[nodiscard]] Result<collector::FsUsage> usage(std::string_view path) const override {
    return raw<collector::FsUsage>(path);
  }
  [[nodiscard]] Result<collector::KernelNames> names() const override {
    const auto text = read("uname");
    if (!text) return tl::unexpected(text.error());
    return collector::KernelNames{*text, *text, *text, *text, *text, *text};
  }
  [[nodiscard]] Result<collector::ClockState> clock_state() const override {
    return raw<collector::ClockState>("adjtimex");
  }
  [[nodiscard]] std::uint64_t page_bytes() const override { return 4096; }
  [[nodiscard]] std::int64_t now() const override { return 1'795'221'526'000'000'000; }
  [[nodiscard]] collector::Zone zone() const override { return {"UTC", 0}; }

 private:
  static constexpr std::size_t kNamesMax = 100;

  [[nodiscard]] std::string_view next() const {
    const std::string_view answer = told_.substr(0, told_.find(kNext));
    told_.remove_prefix(std::min(told_.size(), answer.size() + 1));
    return answer;
  }
  template <class Value>
  [[nodiscard]] Result<Value> raw(std::string_view path) const {
    const auto text = read(path);
    if (!text) return tl::unexpected(text.error());
    Value value{};
    static_assert(std::is_trivially_copyable_v<Value>);
    std::memcpy(&value, text->data(), std::min(text->size(), sizeof value));
    return value;
  }

  mutable std::string_view told_;  // what has not been told yet
};

// Asks another, and keeps what it said in the way that ToldHost tells it.
class HeardHost final : public collector::HostFs {
 public:
  explicit HeardHost(const collector::HostFs& from) : from_(from) {}
  [[nodiscard]] const std::string& heard() const { return heard_; }

  [[nodiscard]] Result<std::string> read(std::string_view path) const override {
    return keep(from_.read(path), [](const std::string& text) { return text; });
  }
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override {
    return keep(from_.list(path), [](const std::vector<std::string>& names) {
      std::string text;
      for (const std::string& name : names) (text += name) += '\n';
      return text;
    });
  }
  [[nodiscard]] Result<std::string> link(std::string_view path) const override {
    return keep(from_.link(path), [](const std::string& text) { return text; });
  }
  // Made up: the real ones are this machine's and this day's.
  [[nodiscard]] Result<std::int64_t> modified(std::string_view path) const override {
    if (auto there = from_.modified(path); !there)
      return keep(std::move(there), nothing<std::int64_t>);
    return keep(Result<std::int64_t>(1'795'221'526), some<std::int64_t>);
  }
  [[nodiscard]] Result<collector::FsUsage> usage(std::string_view) const override {
    return keep(Result<collector::FsUsage>(collector::FsUsage{9, 8, 7, 6, 5}),
                some<collector::FsUsage>);
  }
  [[nodiscard]] Result<collector::KernelNames> names() const override {
    return keep(Result<collector::KernelNames>(collector::KernelNames{}),
                [](const collector::KernelNames&) { return std::string("Linux"); });
  }
  [[nodiscard]] Result<collector::ClockState> clock_state() const override {
    return keep(Result<collector::ClockState>(collector::ClockState{}),
                some<collector::ClockState>);
  }
  [[nodiscard]] std::uint64_t page_bytes() const override { return 4096; }
  [[nodiscard]] std::int64_t now() const override { return 1'795'221'526'000'000'000; }
  [[nodiscard]] collector::Zone zone() const override { return {"UTC", 0}; }

 private:
  template <class Value>
  static std::string nothing(const Value&) {
    return {};
  }
  template <class Value>
  static std::string some(const Value&) {
    return "some bytes";
  }
  template <class Value, class Text>
  Result<Value> keep(Result<Value> answer, Text text) const {
    if (answer) {
      heard_ += text(*answer);
    } else if (answer.error().code != Code::NotFound) {
      heard_ += kRefused;
    }
    heard_ += kNext;
    return answer;
  }

  const collector::HostFs& from_;
  mutable std::string heard_;
};

}  // namespace muster::fuzz
