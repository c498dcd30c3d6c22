// How many writes or reads a second does the agents' own protocol carry? See run_native() in
// load_frames.h.
#include <cstdio>
#include <map>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "load_frames.h"
#include "load_report.h"

namespace muster::load {
namespace {

class Native {
 public:
  explicit Native(const NativeOptions& options)
      : options_(options), value_(options.value_bytes, 'v'), report_(options.count) {
    for (std::size_t i = 0; i < options.agent.count; ++i) add("bench-" + std::to_string(i));
  }

  nlohmann::json run() {
    for (const auto& stream : streams_) stream->open(endpoint_of(options_.target));
    io_.run();
    return report_.result();
  }

 private:
  void add(const std::string& name) {
    const std::size_t index = streams_.size();
    FrameStream::Handlers handlers;
    handlers.on_opened = [this, index, name] {
      streams_[index]->send(hello_of(options_.agent, name));
    };
    handlers.on_closed = [this](const std::string& why) { end("a stream was closed: " + why); };
    handlers.on_frame = [this, index](const rpc::Frame& frame) { on_frame(index, frame); };
    streams_.push_back(
        std::make_shared<FrameStream>(io_, tls_of(options_.agent, name), std::move(handlers)));
  }

  void on_frame(std::size_t index, const rpc::Frame& frame) {
    if (const auto* hello = std::get_if<rpc::HelloReply>(&frame)) {
      if (!hello->here) return end("the target does not coordinate: " + hello->why);
      if (greeted_++ == 0) report_.begin(Clock::now());
      const std::size_t share = options_.in_flight / streams_.size();
      for (std::size_t i = 0; i < share; ++i) ask(index);
    } else if (const auto* write = std::get_if<rpc::WriteReply>(&frame)) {
      answered(index, write->id, write->ok ? "" : write->error.text);
    } else if (const auto* read = std::get_if<rpc::ReadReply>(&frame)) {
      answered(index, read->id, read->status == 200 ? "" : std::to_string(read->status));
    }
  }

  void ask(std::size_t index) {
    if (sent_.size() + answered_ >= options_.count) return;
    const std::uint64_t id = ++last_;
    sent_[id] = Clock::now();
    if (!options_.path.empty()) {
      streams_[index]->send(rpc::Read{id, options_.path, "", ""});
      return;
    }
    throw std::invalid_argument("no write of a key in this version");
  }

  void answered(std::size_t index, std::uint64_t id, const std::string& problem) {
    const auto found = sent_.find(id);
    if (found == sent_.end()) return;
    const Clock::time_point now = Clock::now();
    if (problem.empty()) {
      report_.succeeded(found->second, now);
    } else {
      report_.failed(problem, now);
    }
    sent_.erase(found);
    if (++answered_ >= options_.count) return io_.stop();
    ask(index);
  }

  void end(const std::string& why) {
    std::fprintf(stderr, "muster-load: %s\n", why.c_str());
    io_.stop();
  }

  const NativeOptions& options_;
  std::string value_;
  asio::io_context io_;
  std::vector<std::shared_ptr<FrameStream>> streams_;
  std::map<std::uint64_t, Clock::time_point> sent_;
  std::uint64_t last_ = 0;
  std::size_t answered_ = 0;
  std::size_t greeted_ = 0;
  Report report_;
};

}  // namespace

int run_native(const NativeOptions& options) {
  Native native(options);
  std::printf("%s\n", native.run().dump().c_str());
  std::fflush(stdout);
  std::quick_exit(0);  // open streams hold what they call back
}

}  // namespace muster::load
