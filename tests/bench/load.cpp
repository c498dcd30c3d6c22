// muster-load: the client of ./run bench masters, the same for muster and for etcd.
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "load_frames.h"
#include "load_http.h"
#include "load_identities.h"

namespace muster::load {
namespace {

void add_tls(CLI::App& mode, TlsFiles& tls) {
  mode.add_flag("--tls", tls.on, "TLS; without --ca the server is not verified");
  mode.add_option("--ca", tls.ca, "PEM of the authority that signed the server");
  mode.add_option("--cert", tls.certificate, "PEM of this client's certificate");
  mode.add_option("--key", tls.key, "PEM of its key");
}

void add_http(CLI::App& mode, HttpOptions& http) {
  mode.add_option("--target", http.targets, "ADDRESS:PORT, more than once")->required();
  mode.add_option("--requests", http.requests, "file of lines METHOD PATH [BODY]")->required();
  mode.add_option("--header", http.headers, "'Name: value', more than once");
  mode.add_option("--timeout", http.timeout, "seconds");
  add_tls(mode, http.tls);
}

void add_agent(CLI::App& mode, AgentOptions& agent) {
  mode.add_option("--cluster", agent.cluster)->required();
  mode.add_option("--master", agent.masters, "NAME=ADDRESS:PORT, each master's RPC")->required();
  mode.add_option("--identities", agent.identities, "directory of bench-N.pem and bench-N.key");
  add_tls(mode, agent.tls);
}

int main_of(int argc, char** argv) {
  CLI::App app("loads a cluster's masters and says what it measured, as JSON", "muster-load");
  app.require_subcommand(1);

  HttpOptions http;
  CLI::App& asking = *app.add_subcommand("http", "requests over kept connections");
  add_http(asking, http);
  asking.add_option("--connections", http.connections)->check(CLI::PositiveNumber);
  asking.add_option("--warmup", http.warmup, "requests that are not recorded");
  asking.add_option("--count", http.count, "requests that are recorded");
  asking.add_option("--seconds", http.duration, "instead of --count");

  int victim = 0;
  int every_ms = 10;
  CLI::App& polling = *app.add_subcommand("poll", "kill a process; until a target says 2xx");
  add_http(polling, http);
  polling.add_option("--kill", victim, "process id")->required()->check(CLI::PositiveNumber);
  polling.add_option("--every-ms", every_ms)->check(CLI::PositiveNumber);

  AgentOptions agents;
  CLI::App& registering = *app.add_subcommand("agents", "register agents; until input ends");
  add_agent(registering, agents);
  registering.add_option("--gossip", agents.gossip, "address on which all answer pings");
  registering.add_option("--seed", agents.seeds, "ADDRESS:PORT of members who are told of them");
  registering.add_option("--count", agents.count)->check(CLI::PositiveNumber);

  NativeOptions native;
  CLI::App& calling = *app.add_subcommand("native", "write or read as agents do");
  add_agent(calling, native.agent);
  native.agent.count = 1;
  calling.add_option("--target", native.target, "ADDRESS:PORT of the coordinator")->required();
  calling.add_option("--streams", native.agent.count)->check(CLI::PositiveNumber);
  calling.add_option("--read", native.path, "path that is read, such as /v1/kv/KEY");
  std::string token_file;
  calling.add_option("--token-file", token_file, "file with an API token");
  calling.add_option("--in-flight", native.in_flight)->check(CLI::PositiveNumber);
  calling.add_option("--seconds", native.seconds)->check(CLI::PositiveNumber);
  calling.add_option("--bytes", native.value_bytes, "of each value that is written");

  IdentityOptions identities;
  CLI::App& issuing = *app.add_subcommand("identities", "certificates for a secured cluster");
  issuing.add_option("--directory", identities.directory)->required();
  issuing.add_option("--cluster", identities.cluster)->required();
  issuing.add_option("--master", identities.masters, "NAME=ADDRESS")->required();
  issuing.add_option("--agents", identities.agents, "bench-0 and so many more");

  CLI11_PARSE(app, argc, argv);
  try {
    if (asking.parsed()) return run_http(http);
    if (registering.parsed()) return run_agents(agents);
    if (!token_file.empty()) std::ifstream(token_file) >> native.token;
    if (calling.parsed()) return run_native(native);
    if (issuing.parsed()) return make_identities(identities);
    return run_poll(http, victim, every_ms);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "muster-load: %s\n", problem.what());
    return 1;
  }
}

}  // namespace
}  // namespace muster::load

int main(int argc, char** argv) { return muster::load::main_of(argc, argv); }
