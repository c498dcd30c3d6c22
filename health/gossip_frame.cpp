#include "health/gossip_frame.h"

#include "base/gossip.h"

namespace muster::health {

std::string with_head(char mark, std::uint32_t version, const std::string& message) {
  return std::string{mark, static_cast<char>(version)} + message;
}

std::optional<GossipDrop> head_refused(std::string_view bytes, char mark) {
  if (bytes.size() < kGossipHeadBytes || bytes[0] != mark) return GossipDrop::Malformed;
  const std::uint32_t version = version_of(bytes);
  if (version < gossip::kProtocolMin || version > gossip::kProtocolMax) {
    return GossipDrop::WrongVersion;
  }
  return std::nullopt;
}

std::uint32_t version_of(std::string_view bytes) { return static_cast<unsigned char>(bytes[1]); }

std::string framed(const std::string& body) {
  std::string frame;
  frame.reserve(std::tuple_size_v<GossipLength> + body.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>((body.size() >> shift) & 0xff));
  }
  return frame + body;
}

std::size_t length_of(const GossipLength& bytes) {
  std::size_t length = 0;
  for (const unsigned char byte : bytes) length = length << 8 | byte;
  return length;
}

}  // namespace muster::health
