#include "agent/spdlog_journal.h"

#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace muster::agent {
namespace {

bool as_json = false;

}  // namespace

void open_journal(const std::string& level, const std::string& format, const std::string& node) {
  as_json = format == "json";
  auto logger =
      std::make_shared<spdlog::logger>(node, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  logger->set_pattern(
      as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","node":"%n","text":%v})"
              : "%Y-%m-%d %H:%M:%S.%e %L %n: %v");
  spdlog::set_default_logger(std::move(logger));
}

void say(Level level, const std::string& text) {
  // Text may hold what strangers sent: as JSON string it can neither end the line nor the record.
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  const std::string line = as_json ? quoted : quoted.substr(1, quoted.size() - 2);
  switch (level) {
    case Level::Info: return spdlog::info("{}", line);
    case Level::Warning: return spdlog::warn("{}", line);
    case Level::Error: return spdlog::error("{}", line);
  }
}

}  // namespace muster::agent
