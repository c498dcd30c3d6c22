// What does the HTTP server ask of the agent?
//
// Plain values and functions, so that the server knows no Node and Node knows no server. Every
// function is called on the server's threads, several at once; every `done` comes on any thread, at
// most once, possibly never (at shutdown).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/api_history.h"
#include "agent/api_response.h"
#include "agent/view.h"
#include "base/command.h"
#include "base/error.h"
#include "base/identity.h"
#include "base/ids.h"
#include "base/rpc.h"
#include "collector/scrape.h"

namespace muster::agent {

// Who asks, once that is known.
struct Caller {
  Actor actor;
  Role role = Role::Admin;
  // The bearer token that proved it, a secret: whoever answers for a forwarded request checks it
  // once more. Empty: there was none.
  std::string authorization;
};
// What a request came with.
struct Credentials {
  std::string_view authorization;           // of the header of this name
  std::string address;                      // of the client, numeric, without a port
  std::optional<UserIdentity> certificate;  // that the client proved to have
};

struct WriteRequest {
  CommandBody body;
  std::string id;  // the same on a retry: then it is done once
  Caller caller;
  std::uint64_t asked = 0;  // Command::asked
};
struct ReadRequest {
  std::string path;
  std::string query;
  Caller caller;
};
// The state as it is after every write that was acknowledged before the read came, for the server
// to answer from; or the answer of the one who has that state.
using ReadAnswer = std::variant<std::shared_ptr<const View>, ApiResponse>;

struct ChangeMasters {
  rpc::MasterChange change = rpc::MasterChange::Add;
  NodeName name;  // Transfer: empty lets the coordinator choose
};
struct JoinNode {
  std::string body;  // JSON; holds a secret
};
struct RotateAuthority {};
struct RotateGossipKeys {};
using Task = std::variant<ChangeMasters, JoinNode, RotateAuthority, RotateGossipKeys,
                          rpc::CertifyUser>;  // the last without who asks
struct TaskRequest {
  Task task;
  std::string id;
  Caller caller;
};

struct NewSecret {     // of a token
  std::string id;      // public
  std::string secret;  // the whole token, as it is shown once
  std::string sha256;  // what the masters keep of it
};

// One line of the audit log: who did what, from where, with which outcome.
struct AuditRecord {
  Actor by;
  std::string method;
  std::string path;     // with its query
  std::string subject;  // what it is about where the path does not say: "node n4"; never a secret
  int status = 0;
  std::string request_id;
};

template <class Value>
using Done = std::function<void(Result<Value>)>;

struct HttpPorts {
  std::function<std::shared_ptr<const View>()> view;  // the newest published; never null
  // The whole body of /metrics, compressed if that is asked for. InvalidArgument: no such
  // collector.
  std::function<Result<std::string>(const collector::ScrapeRequest&)> metrics;
  // How long ago this master heard the leader; nothing: not since its start, or it is no master.
  std::function<std::optional<Duration>()> since_leader;
  std::function<Result<std::string>(InstanceId, unsigned lines)> log_tail;

  // Both left out: no history is recorded.
  std::function<Result<HistoryRead>(const HistoryQuery&)> history;
  std::function<Result<std::set<std::string>>()> history_series;

  // Fails with PermissionDenied when nobody is known by these, Unavailable when that cannot be
  // found out now. Without it everybody who reaches the port is an admin: a plain cluster.
  std::function<Result<Caller>(const Credentials&)> authenticate;

  std::function<void(WriteRequest, Done<Outcome>)> write;
  std::function<void(ReadRequest, Done<ReadAnswer>)> read;
  std::function<void(TaskRequest, Done<ApiResponse>)> operate;
  std::function<Result<NewSecret>(const TokenRecord&)> new_secret;  // left out: no identity

  std::function<void(const AuditRecord&)> audit;                    // may be left out
  std::function<void(const std::string& metric, double by)> count;  // may be left out
};

}  // namespace muster::agent
