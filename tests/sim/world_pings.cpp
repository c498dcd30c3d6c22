// The network of the world: stream pings, which are short exchanges of their own.
#include <utility>

#include "world.h"

namespace muster::sim {

void World::act(HostId id, Host& host, health::StartStreamPing& effect) {
  const auto found = gossip_addresses_.find(effect.to);
  if (found == gossip_addresses_.end() || !mutual(id, found->second)) return;
  const std::uint64_t exchange = ++last_exchange_;
  pings_[exchange] = {id, host.life, effect.sequence, found->second};
  at(now() + effect.within, [this, exchange] { pings_.erase(exchange); });
  at(now() + network_.stream_trip(id, found->second, rng_),
     [this, exchange, to = found->second, packet = std::move(effect.packet)]() mutable {
       Host& answerer = hosts_[to];
       if (!pings_.contains(exchange) || answerer.off) return;
       if (!answerer.node) return end_ping(exchange, std::nullopt);  // refused
       arrive(to, answerer.life, agent::StreamPingArrived{exchange, std::move(packet)});
     });
}

void World::act(HostId id, Host& /*host*/, health::AnswerStreamPing& effect) {
  const auto found = pings_.find(effect.exchange);
  if (found == pings_.end() || !mutual(id, found->second.requester)) return;
  at(now() + network_.stream_trip(id, found->second.requester, rng_),
     [this, exchange = effect.exchange, packet = std::move(effect.packet)]() mutable {
       end_ping(exchange, std::move(packet));
     });
}

void World::end_ping(std::uint64_t exchange, std::optional<gossip::Packet> answer) {
  const auto ping = pings_.extract(exchange);
  if (ping.empty()) return;
  const Exchange& ended = ping.mapped();
  arrive(ended.requester, ended.life,
         agent::StreamPingEnded{static_cast<std::uint32_t>(ended.id), std::move(answer)});
}

}  // namespace muster::sim
