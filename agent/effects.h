// What may an agent ask of the world? Everything, in one variant.
//
// The runtime carries these out in order and answers with Events (agent/node.h); the simulator
// does the same with fakes. Each effect's own header says what its answer is.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "agent/instance.h"
#include "agent/streams.h"
#include "alerting/pipeline.h"
#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/raft_types.h"
#include "base/rpc.h"
#include "failover/raft_engine.h"
#include "health/swim_types.h"

namespace muster::agent {

struct WriteDone {  // answers WriteRequested
  std::uint64_t request = 0;
  Result<Outcome> result;
};
struct ReadDone {  // answers ReadRequested
  std::uint64_t request = 0;
  std::int32_t status = 200;
  std::string body;
};
// What was asked may be answered from the newest view: it holds everything that was acknowledged
// before the question came.
struct AnswerRead {
  StreamId stream = 0;        // another agent asks: answer it with SendFrame(ReadReply)
  std::uint64_t request = 0;  // stream == 0: this one's own client asks
  rpc::Read read;
};
struct EncodeSnapshot {  // on another thread; answered by one SnapshotEncoded
  raft::Index index = 0;
  std::shared_ptr<const ClusterState> state;  // never null
};
struct SaveClusterId {  // durable some time soon; not answered
  std::string id;
};
struct InstallFacts {  // keys, authorities, revocations: answered by one FactsStored
  rpc::Facts facts;
};
struct RetireMaster {  // this node is no master any more: its log is put aside
  std::string why;
};
enum class Level { Info, Warning, Error };
struct Notice {  // one line for the log
  Level level = Level::Info;
  std::string text;
};
struct Measured {  // one observation or count of a metric of muster's own
  std::string metric;
  double value = 1;
  std::map<std::string, std::string> labels{};
};
struct Halt {  // this agent must not go on: exit with this code after saying why in one line
  int exit_code = 1;
  std::string why;
};

using Effect =
    std::variant<health::SendPacket, health::StartSync, health::AnswerSync, health::StartStreamPing,
                 health::AnswerStreamPing, OpenStream, SendFrame, CloseStream, failover::SaveVote,
                 failover::AppendLog, failover::PutSnapshot, SaveInstance, ForgetStored,
                 StartProcess, SignalProcess, WatchProcess, RunCheck, alerting::Deliver, WriteDone,
                 ReadDone, AnswerRead, EncodeSnapshot, SaveClusterId, InstallFacts, RetireMaster,
                 Notice, Measured, Halt>;

}  // namespace muster::agent
