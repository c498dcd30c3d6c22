#include "agent/api_kv.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "agent/api_json.h"
#include "agent/api_writes.h"
#include "base/base64.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

// A key is a line of UTF-8: only quotes and backslashes need an escape. No DOM for what may be
// half a megabyte and is asked for thousands of times a second.
void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_number(std::string& out, const char* name, std::uint64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  out += std::to_string(value);
}

void append_record(std::string& out, const std::string& key, const KeyRecord& record) {
  out += "{\"key\":";
  append_text(out, key);
  out += ",\"value_base64\":\"";
  out += base64(*record.value);
  out += '"';
  append_number(out, "created_index", record.created);
  append_number(out, "modified_index", record.modified);
  append_number(out, "version", record.version);
  out += '}';
}

void append_event(std::string& out, std::string_view kind, std::uint64_t id,
                  std::string_view data) {
  out += "id: " + std::to_string(id) + "\nevent: ";
  out += kind;
  out += "\ndata: ";
  out += data;
  out += "\n\n";
}

void append_change(std::string& out, const ClusterState& state, const KeyChange& change) {
  const auto record = change.prefix ? state.kv.end() : state.kv.find(change.key);
  std::string data;
  if (record != state.kv.end()) {
    append_record(data, record->first, record->second);
    return append_event(out, "put", change.index, data);
  }
  data = change.prefix ? "{\"prefix\":" : "{\"key\":";
  append_text(data, change.key);
  append_number(data, "modified_index", change.index);
  data += '}';
  append_event(out, change.prefix ? "delete-prefix" : "delete", change.index, data);
}

ApiResponse stream_part(std::string text, std::uint64_t cursor, const ClusterState& state) {
  return indexed({200, std::string(kEventStreamType), std::move(text)}, state)
      .with(kCursorHeader, std::to_string(cursor));
}

}  // namespace

std::string etag(std::uint64_t modified) { return '"' + std::to_string(modified) + '"'; }

ApiResponse one_key(const ClusterState& state, const std::string& key, const Query& query) {
  if (const Status valid = check_key(key); !valid) return problem(valid.error());
  const auto record = state.kv.find(key);
  if (record == state.kv.end()) {
    return indexed(problem(404, "not found", "there is no key " + in_quotes(key),
                           "GET /v1/kv?prefix= lists what there is"),
                   state);
  }
  ApiResponse response;
  if (query.has("raw")) {
    response.content_type = kBytesType;
    response.body = *record->second.value;
  } else {
    response.body.reserve(record->second.value->size() * 4 / 3 + 256);
    append_record(response.body, record->first, record->second);
    response.body += '\n';
  }
  return indexed(std::move(response), state).with("ETag", etag(record->second.modified));
}

ApiResponse key_list(const ClusterState& state, const Query& query) {
  const auto limit = query.number("limit", kKeysShownMax, kKeysShownMax);
  if (!limit) return problem(limit.error());
  const std::string prefix = query.text("prefix");
  const std::string from = std::max(prefix, query.text("from"));
  const bool keys_only = query.has("keys_only");
  std::string body = "{\"keys\":[";
  std::string next;
  std::uint64_t count = 0;
  for (auto key = state.kv.lower_bound(from); key != state.kv.end(); ++key) {
    if (!key->first.starts_with(prefix)) break;
    const std::size_t size =
        key->first.size() + 160 + (keys_only ? 0 : key->second.value->size() * 4 / 3);
    if (count == *limit || (count > 0 && body.size() + size > kListedBytesMax)) {
      next = key->first;
      break;
    }
    if (count++ > 0) body += ',';
    if (keys_only) {
      append_text(body, key->first);
    } else {
      append_record(body, key->first, key->second);
    }
  }
  body += "],\"next\":";
  if (next.empty()) {
    body += "null";
  } else {
    append_text(body, next);
  }
  append_number(body, "index", state.index);
  body += "}\n";
  return indexed({200, std::string(kJsonType), std::move(body)}, state);
}

ApiResponse key_changed_response(const Outcome& outcome, bool there) {
  ApiResponse response;
  response.body = "{\"index\":" + std::to_string(outcome.index) + "}\n";
  response.with(kIndexHeader, std::to_string(outcome.index));
  if (there) response.with("ETag", etag(outcome.index));
  return response;
}

ApiResponse key_events(const ClusterState& state, const Query& query) {
  const auto index = query.number("index", state.index, ~std::uint64_t{0});
  if (!index) return problem(index.error());
  std::string text;
  if (*index < state.kv_changes_from) {
    append_event(text, "reset", state.index, "{\"index\":" + std::to_string(state.index) + "}");
    return stream_part(std::move(text), state.index, state);
  }
  const std::string prefix = query.text("prefix");
  std::vector<const KeyChange*> changes;  // newest first, the last of each key
  std::set<std::string_view> seen;
  for (auto change = state.kv_changes.rbegin(); change != state.kv_changes.rend(); ++change) {
    if (change->index <= *index) break;
    if (!concerns(*change, prefix)) continue;
    if (change->prefix || seen.insert(change->key).second) changes.push_back(&*change);
  }
  std::uint64_t cursor = std::max(*index, state.index);
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    append_change(text, state, **change);
    if (text.size() > kListedBytesMax && std::next(change) != changes.rend()) {
      cursor = (*change)->index;
      break;
    }
  }
  return stream_part(std::move(text), cursor, state);
}

ApiResponse cluster_events_since(const ClusterState& state, const Query& query) {
  const auto since = query.number("since", state.next_event - 1, ~std::uint64_t{0});
  if (!since) return problem(since.error());
  std::string text;
  std::uint64_t cursor = *since;
  for (const EventRecord& event : state.events) {
    if (event.sequence <= *since) continue;
    append_event(text, event.kind, event.sequence, event_text(event));
    cursor = event.sequence;
  }
  return stream_part(std::move(text), cursor, state);
}

}  // namespace muster::agent
