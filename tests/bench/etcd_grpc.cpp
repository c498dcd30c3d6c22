// muster-load-grpc: writes to etcd or reads from it over gRPC, so many calls in flight on one
// channel.
//
// etcd's own protocol against muster's own, in ./run bench masters. Built only where libgrpc++-dev
// is there. The two requests have one and two fields, which are encoded here: no code is generated.
#include <chrono>
#include <cstdio>
#include <deque>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <nlohmann/json.hpp>

#include "load_report.h"

namespace muster::load {
namespace {

struct Options {
  std::string target;
  std::string ca;  // empty: without TLS
  bool read = false;
  std::size_t in_flight = 64;
  std::size_t keys = 100;
  std::size_t value_bytes = 100;
  double seconds = 5;
};

// A field of bytes: etcdserverpb.PutRequest has key = 1, value = 2; RangeRequest key = 1.
std::string field(char number, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  for (std::size_t rest = bytes.size(); true; rest >>= 7) {
    out.push_back(static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
    if (rest <= 0x7f) break;
  }
  return out.append(bytes);
}

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer answer;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Clock::time_point sent;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), stub_(channel()) {
    for (std::size_t i = 0; i < options.keys; ++i) {
      std::string request = field(1, "bench" + std::to_string(i));
      if (!options.read) request += field(2, std::string(options.value_bytes, 'v'));
      requests_.emplace_back(std::move(request));
    }
  }

  nlohmann::json run() {
    const Clock::time_point begin = Clock::now();
    const auto length = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(options_.seconds));
    report_.begin(begin);
    for (std::size_t i = 0; i < options_.in_flight; ++i) ask(new Call);
    void* tag = nullptr;
    bool ok = false;
    for (std::size_t left = options_.in_flight; left > 0 && queue_.Next(&tag, &ok);) {
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      const Clock::time_point now = Clock::now();
      if (call->status.ok()) {
        report_.succeeded(call->sent, now);
      } else {
        report_.failed(call->status.error_message(), now);
      }
      if (now - begin < length) {
        ask(new Call);
      } else {
        --left;
      }
    }
    return report_.result();
  }

 private:
  std::shared_ptr<grpc::Channel> channel() const {
    if (options_.ca.empty()) {
      return grpc::CreateChannel(options_.target, grpc::InsecureChannelCredentials());
    }
    std::ifstream file(options_.ca);
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
    return grpc::CreateChannel(options_.target, grpc::SslCredentials(tls));
  }

  // The call belongs to the queue until it comes back from there.
  void ask(Call* call) {
    const std::string& bytes = requests_[asked_++ % requests_.size()];
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    const char* method = options_.read ? "/etcdserverpb.KV/Range" : "/etcdserverpb.KV/Put";
    call->sent = Clock::now();
    call->reader = stub_.PrepareUnaryCall(&call->context, method, request, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->answer, &call->status, call);
  }

  const Options& options_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::deque<std::string> requests_;
  std::size_t asked_ = 0;
  Report report_{std::size_t{1} << 20};
};

int main_of(int argc, char** argv) {
  CLI::App app("loads etcd over gRPC and says what it measured, as JSON", "muster-load-grpc");
  Options options;
  app.add_option("--target", options.target, "ADDRESS:PORT")->required();
  app.add_option("--ca", options.ca, "PEM of the authority that signed the server; TLS");
  app.add_flag("--read", options.read, "linearizable reads instead of writes");
  app.add_option("--in-flight", options.in_flight)->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  std::printf("%s\n", Load(options).run().dump().c_str());
  return 0;
}

}  // namespace
}  // namespace muster::load

int main(int argc, char** argv) {
  try {
    return muster::load::main_of(argc, argv);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "muster-load-grpc: %s\n", problem.what());
    return 1;
  }
}
