// How is a value taken from JSON that somebody else has written?
//
// For .cpp files of this folder: nothing throws, and whatever is not as it should be is remembered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::identity {

// The fields of one object. `Json` is nlohmann::json, which is slow to compile into a header.
template <class Json>
class JsonFields {
 public:
  JsonFields(const Json& object, std::string& wrong) : object_(object), wrong_(wrong) {
    if (!object.is_object()) blame("the whole");
  }
  std::string text(const char* key, std::size_t bytes_max) {
    const Json* const value = find(key);
    if (value == nullptr || !value->is_string()) return blame(key), std::string();
    std::string text = value->template get<std::string>();
    if (text.size() > bytes_max) return blame(key), std::string();
    return text;
  }
  std::uint64_t number(const char* key) {
    const Json* const value = find(key);
    if (value == nullptr || !value->is_number_unsigned()) return blame(key), 0;
    return value->template get<std::uint64_t>();
  }
  WallTime time(const char* key) {
    const std::uint64_t ms = number(key);
    if (ms > std::uint64_t{1} << 52) return blame(key), WallTime{};
    return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
  }
  Address address(const char* key) {
    const auto address = parse_address(text(key, 128));
    if (!address) return blame(key), Address{};
    return *address;
  }
  const Json& object(const char* key) {
    const Json* const value = find(key);
    if (value == nullptr || !value->is_object()) return blame(key), none();
    return *value;
  }
  const Json& list(const char* key, std::size_t items_max) {
    const Json* const value = find(key);
    if (value == nullptr || !value->is_array() || value->size() > items_max) {
      return blame(key), none();
    }
    return *value;
  }
  void blame(const char* key) {
    if (wrong_.empty()) wrong_ = key;
  }

 private:
  const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  static const Json& none() {
    static const Json kNone = Json::array();
    return kNone;
  }
  const Json& object_;
  std::string& wrong_;  // the first key that is not as it should be; empty: none
};

}  // namespace muster::identity
