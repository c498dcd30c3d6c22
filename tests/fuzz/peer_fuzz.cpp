// Can a peer harm a master, whatever it sends on its streams? libFuzzer's entry point: the bytes
// are a script of what several peers do, each line an action and what goes with it; frames go
// through the production decoder into a production Node. It plays once against a lonely master,
// which coordinates, and once against one of three.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/peer_stage.h"

namespace {

using namespace muster;

class PlainStage : public fuzz::PeerStage {
 public:
  explicit PlainStage(int masters) : PeerStage(fuzz::options_of_master(masters), WallTime{}) {
    begin(WallTime{}, 40);
    CHECK(masters > 1 || node_->view(now_)->master->coordinating);
  }

  bool line(unsigned action, std::size_t slot, unsigned number, std::string_view rest) {
    switch (action) {
      case 1: open(slot); return true;
      case 2: close(slot); return true;
      case 3: pass(std::chrono::milliseconds(number % 4096)); return false;
      default: frame(slot, rest); return true;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  for (const int masters : {1, 3}) {
    PlainStage stage(masters);
    fuzz::play(stage, script);
  }
  return 0;
}
