// How many writes or reads a second does the agents' own protocol carry? See run_native() in
// load_frames.h.
#include <cstdio>
#include <map>

#include <nlohmann/json.hpp>

#include "load_frames.h"
#include "load_report.h"

namespace muster::load {
namespace {

constexpr std::uint64_t kKeys = 100;

class Native {
 public:
  explicit Native(const NativeOptions& options)
      : options_(options), value_(std::make_shared<std::string>(options.value_bytes, 'v')) {
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
      if (greeted_++ == 0) {
        report_.begin(Clock::now());
        end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(options_.seconds));
      }
      const std::size_t share = options_.in_flight / streams_.size();
      for (std::size_t i = 0; i < share; ++i) ask(index);
    } else if (const auto* write = std::get_if<rpc::WriteReply>(&frame)) {
      answered(index, write->id, write->ok ? "" : write->error.text);
    } else if (const auto* read = std::get_if<rpc::ReadReply>(&frame)) {
      answered(index, read->id, read->status == 200 ? "" : std::to_string(read->status));
    }
  }

  void ask(std::size_t index) {
    const std::uint64_t id = ++last_;
    sent_[id] = Clock::now();
    if (!options_.path.empty()) {
      streams_[index]->send(rpc::Read{id, options_.path, "", options_.token});
    } else {
      Command command;
      command.body = PutKey{"bench" + std::to_string(id % kKeys), value_};
      streams_[index]->send(rpc::Write{id, std::move(command), options_.token});
    }
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
    if (now < end_) return ask(index);
    if (sent_.empty()) io_.stop();
  }

  void end(const std::string& why) {
    std::fprintf(stderr, "muster-load: %s\n", why.c_str());
    io_.stop();
  }

  const NativeOptions& options_;
  Blob value_;
  asio::io_context io_;
  std::vector<std::shared_ptr<FrameStream>> streams_;
  std::map<std::uint64_t, Clock::time_point> sent_;
  std::uint64_t last_ = 0;
  std::size_t greeted_ = 0;
  Clock::time_point end_;
  Report report_{std::size_t{1} << 20};
};

}  // namespace

int run_native(const NativeOptions& options) {
  Native native(options);
  std::printf("%s\n", native.run().dump().c_str());
  std::fflush(stdout);
  std::quick_exit(0);  // open streams hold what they call back
}

}  // namespace muster::load
