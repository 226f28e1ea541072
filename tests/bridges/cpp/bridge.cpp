// Drives the C++ layer for the conformance suite: one JSON request a line in, one JSON answer a line out.
#include <algorithm>
#include <cmath>
#include <dictsqlite.hpp>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "../c/json.h"

namespace {

// A request that makes no sense.
struct bug : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const json &needed(const json &request, const char *name) {
  const json *field = json_member(&request, name);
  if (!field) throw bug(name);
  return *field;
}

std::string text_of(const json &node) { return std::string(node.text ? node.text : "", node.len); }

std::string unhex(const json &node) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < node.len; at += 2)
    bytes += static_cast<char>(std::stoi(std::string(node.text + at, 2), nullptr, 16));
  return bytes;
}

dictsqlite::bytes_view bytes_of(const std::string &text) { return {text.data(), text.size()}; }

dictsqlite::key key_of(const json &shape) {
  const json *it = shape.first;
  if (!it || !it->name) throw bug("not a key");
  switch (it->name[0]) {
    case 's': return text_of(*it);
    case 'i': return it->integer;
    case 'b': return bytes_of(unhex(*it));
    default: {
      std::vector<dictsqlite::key> kept;
      for (const json *item = it->first; item; item = item->next) kept.push_back(key_of(*item));
      std::vector<dictsqlite::key_view> views(kept.begin(), kept.end());
      return dictsqlite::key(dictsqlite::key_view(views));
    }
  }
}

std::vector<dictsqlite::key> keys_of(const json &list) {
  std::vector<dictsqlite::key> keys;
  for (const json *item = list.first; item; item = item->next) keys.push_back(key_of(*item));
  return keys;
}

dictsqlite::ttl ttl_of(const json &request) {
  const json *ttl = json_member(&request, "ttl");
  if (!ttl) return {};
  if (ttl->type == JSON_NULL) return dictsqlite::ttl::never();
  return std::chrono::duration<double>(ttl->real);
}

bool flag(const json &request, const char *name, bool otherwise = false) {
  const json *field = json_member(&request, name);
  return field ? field->truth : otherwise;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    char escaped[8];
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string hex(std::string_view bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const unsigned char byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out + '"';
}

std::string shape(const dictsqlite::key_view &key) {
  if (key.is_integer()) return "{\"i\":" + std::to_string(key.integer()) + "}";
  if (key.is_text()) return "{\"s\":" + quoted(key.text()) + "}";
  if (key.is_bytes()) return "{\"b\":" + hex(key.bytes().view()) + "}";
  std::string items;
  for (std::size_t at = 0; at < key.size(); ++at) items += (at ? "," : "") + shape(key[at]);
  return "{\"t\":[" + items + "]}";
}

std::string shape(bool truth) { return truth ? "true" : "false"; }
std::string shape(std::int64_t number) { return std::to_string(number); }
std::string shape(std::uint64_t number) { return std::to_string(number); }
std::string shape(const std::optional<dictsqlite::value> &value) { return value ? hex(value->view()) : "null"; }

std::string value_of(const std::optional<dictsqlite::entry> &entry) {
  return entry ? hex(entry->value.view()) : "null";
}

std::string shape(const std::optional<dictsqlite::entry> &entry) {
  if (!entry) return "null";
  const auto &at = entry->expires_at;
  return "{\"value\":" + hex(entry->value.view()) + ",\"version\":" + std::to_string(entry->version) +
         ",\"expires_at\":" + (at ? std::to_string(at->time_since_epoch().count()) : "null") + "}";
}

std::string shape(const dictsqlite::error &error) {
  std::string key;
  if (error.key()) key = ",\"key\":" + shape(error.key()->view());
  return "{\"error\":" + quoted(error.code().message()) + ",\"message\":" + quoted(error.what()) + key + "}";
}

// A handle, and what it was, which closed ones are asked too.
struct handle {
  dictsqlite::dict dict;
  dictsqlite::info info;
  bool closed = false;
};

std::map<std::int64_t, handle> handles;

void keep(std::int64_t number, dictsqlite::dict &&dict) {
  auto info = dict.info();
  handles[number] = {std::move(dict), std::move(info), false};
}

std::string opened(const json &request, bool later) {
  dictsqlite::options options;
  if (const json *given = json_member(&request, "options"))
    for (const json *option = given->first; option; option = option->next) {
      std::ostringstream number;
      number.precision(17);
      if (option->type == JSON_INTEGER) number << option->integer; else number << option->real;
      options.emplace_back(option->name, option->text ? text_of(*option)
                           : option->type == JSON_BOOL ? (option->truth ? "true" : "false") : number.str());
    }
  const auto path = text_of(needed(request, "path"));
  keep(needed(request, "h").integer,
       later ? dictsqlite::store::open_async(path, options).get() : dictsqlite::store(path, options));
  return "true";
}

std::string table(const dictsqlite::dict &dict, const json &request, bool later) {
  const json *options = json_member(&request, "options");
  const json *mode = options ? json_member(options, "storage_mode") : nullptr;
  const auto name = text_of(needed(request, "name")), storage = mode ? text_of(*mode) : std::string();
  keep(needed(request, "as").integer,
       later ? dict.table_async(name, storage).get() : dict.table(name, storage));
  return "true";
}

// A page of a dict, or of a transaction.
template <class Dict>
std::string page(const Dict &dict, const json &request, bool later) {
  dictsqlite::scan_options options;
  if (const json *bound = json_member(&request, "prefix")) options.prefix = key_of(*bound);
  if (const json *bound = json_member(&request, "start")) options.start = key_of(*bound);
  if (const json *bound = json_member(&request, "end")) options.end = key_of(*bound);
  if (const json *limit = json_member(&request, "limit")) options.limit = static_cast<std::uint64_t>(limit->integer);
  if (const json *order = json_member(&request, "order"))
    options.order = text_of(*order) == "key" ? dictsqlite::order::key : dictsqlite::order::insertion;
  options.reverse = flag(request, "reverse");
  options.consistent = flag(request, "consistent");
  const auto what = text_of(needed(request, "what"));
  options.keys_only = what == "keys";
  std::string items;
  const auto add = [&](const dictsqlite::item &item) {
    if (!items.empty()) items += ',';
    if (what == "keys") items += shape(item.key);
    else if (what == "values") items += hex(item.value);
    else items += "[" + shape(item.key) + "," + hex(item.value) + "]";
  };
  auto scan = dict.scan(options);
  if (later) {
    for (;;) {
      const auto next = dictsqlite::dict::next_page_async(scan).get();
      if (next.empty()) break;
      for (std::size_t at = 0; at < next.size(); ++at) add(next[at]);
    }
  } else {
    for (const auto &item : scan) add(item);
  }
  return "[" + items + "]";
}

std::string stats(const dictsqlite_stats &s) {
  std::ostringstream out;
  out << "{\"pending_writes\":" << s.pending_writes << ",\"pending_bytes\":" << s.pending_bytes
      << ",\"cached_entries\":" << s.cached_entries << ",\"cached_bytes\":" << s.cached_bytes
      << ",\"misses\":" << s.misses << ",\"commits\":" << s.commits
      << ",\"committed_operations\":" << s.committed_operations << ",\"failed_commits\":" << s.failed_commits
      << ",\"checkpoints\":" << s.checkpoints << ",\"swept_entries\":" << s.swept_entries
      << ",\"wal_frames\":" << s.wal_frames << "}";
  return out.str();
}

std::string info(const handle &handle) {
  const auto &i = handle.info;
  return "{\"table\":" + quoted(i.table) + ",\"storage_mode\":" + quoted(i.storage_mode) +
         ",\"persist_mode\":" + quoted(i.persist_mode) + ",\"path\":" + (i.path ? quoted(*i.path) : "null") +
         ",\"read_only\":" + shape(i.read_only) + ",\"closed\":" + shape(!handle.dict.is_open()) + "}";
}

#include "files.hpp"
#include "transactions.hpp"

std::string close(handle &handle, bool later) {
  // That it is closed already is what C++ says, and what the protocol calls fine.
  if (handle.closed) return "true";
  if (later) handle.dict.close_async().get(); else handle.dict.close();
  handle.closed = true;
  return "true";
}

// Operations of one key; empty if it is none of them.
std::string on_key(const dictsqlite::dict &d, const std::string &op, const json &request, bool later) {
  if (!json_member(&request, "key")) return {};
  const auto key = key_of(needed(request, "key"));
  const auto life = ttl_of(request);
  const json *version = json_member(&request, "if_version"), *given = json_member(&request, "value");
  const auto bytes = given ? unhex(*given) : std::string();
  const auto value = bytes_of(bytes);
  if (op == "get") return shape(later ? d.get_async(key).get() : d.get(key));
  if (op == "contains") return shape(later ? d.contains_async(key).get() : d.contains(key));
  if (op == "entry") return shape(later ? d.get_entry_async(key).get() : d.get_entry(key));
  if (op == "set" && version)
    return shape(later ? d.set_if_version_async(key, value, version->integer, life).get()
                       : d.set_if_version(key, value, version->integer, life));
  if (op == "set") {
    if (later) d.set_async(key, value, life).get(); else d.set(key, value, life);
    return "true";
  }
  if (op == "delete" && version) {
    if (later) d.erase_if_version_async(key, version->integer).get(); else d.erase_if_version(key, version->integer);
    return "true";
  }
  if (op == "delete") {
    if (later) d.erase_async(key).get(); else d.erase(key);
    return "true";
  }
  if (op == "remove") return shape(later ? d.remove_async(key).get() : d.remove(key));
  if (op == "pop") return value_of(later ? d.pop_async(key).get() : d.pop(key));
  if (op == "setdefault") {
    const auto there = later ? d.set_default_async(key, value, life).get() : d.set_default(key, value, life);
    return there ? value_of(there) : hex(bytes);
  }
  if (op == "incr") {
    const auto by = needed(request, "by").integer;
    return shape(later ? d.incr_async(key, by).get() : d.incr(key, by));
  }
  if (op == "expire") return shape(later ? d.expire_async(key, life).get() : d.expire(key, life));
  return {};
}

// Operations of many keys, or of none; empty if it is none of them.
std::string on_table(const dictsqlite::dict &d, const std::string &op, const json &request, bool later) {
  if (op == "len") return shape(later ? d.size_async().get() : d.size());
  if (op == "popitem") {
    const bool newest = flag(request, "last", true);
    const auto page = later ? d.pop_item_async(newest).get() : d.pop_item(newest);
    return page.empty() ? "null" : "[" + shape(page[0].key) + "," + hex(page[0].value) + "]";
  }
  if (op == "clear") {
    if (later) d.clear_async().get(); else d.clear();
    return "true";
  }
  if (op == "get_many" || op == "delete_many") {
    const auto keys = keys_of(needed(request, "keys"));
    const std::vector<dictsqlite::key_view> views(keys.begin(), keys.end());
    if (op == "delete_many") {
      if (later) d.erase_many_async(views).get(); else d.erase_many(views);
      return "true";
    }
    const auto values = later ? d.get_many_async(views).get() : d.get_many(views);
    std::string out;
    for (std::size_t at = 0; at < values.size(); ++at)
      out += (at ? "," : "") + (values[at] ? hex(*values[at]) : std::string("null"));
    return "[" + out + "]";
  }
  if (op == "set_many") {
    std::vector<std::pair<dictsqlite::key, std::string>> kept;
    for (const json *item = needed(request, "items").first; item; item = item->next)
      kept.emplace_back(key_of(*item->first), unhex(*item->first->next));
    dictsqlite::items items;
    for (const auto &[key, value] : kept) items.emplace_back(key, value);
    if (later) d.set_many_async(items, ttl_of(request)).get(); else d.set_many(items, ttl_of(request));
    return "true";
  }
  if (op == "page") return page(d, request, later);
  if (op == "tables") {
    std::string out;
    for (const auto &table : later ? d.tables_async().get() : d.tables())
      out += (out.empty() ? "" : ",") + quoted(table.name);
    return "[" + out + "]";
  }
  if (op == "drop_table") {
    const auto name = text_of(needed(request, "name"));
    return shape(later ? d.drop_table_async(name).get() : d.drop_table(name));
  }
  if (op == "flush") {
    const bool durable = flag(request, "durable");
    if (later) d.flush_async(durable).get(); else d.flush(durable);
    return "true";
  }
  if (op == "stats") return stats(d.stats());
  return {};
}

std::string answer(const json &request) {
  const auto op = text_of(needed(request, "op"));
  const bool later = flag(request, "async");
  if (op == "hello")
    return std::string("{\"protocol\":1,\"language\":\"cpp\",\"version\":\"") + dictsqlite_version() +
           "\",\"forms\":[\"sync\",\"async\"],\"lacks\":[]}";
  if (op == "open") return opened(request, later);
  if (op == "restore") return restored(request, later);
  if (json_member(&request, "tx") && op != "begin") return in_transaction(op, request, later);
  const auto found = handles.find(needed(request, "h").integer);
  if (found == handles.end()) throw bug("no such handle");
  handle &handle = found->second;
  if (op == "table") return table(handle.dict, request, later);
  if (op == "info") return info(handle);
  if (op == "begin") return begin(handle.dict, request, later);
  if (op == "atomic") return atomic(handle.dict, request, later);
  if (op == "close") return close(handle, later);
  const auto of_log = on_log(handle.dict, op, request, later);
  if (!of_log.empty()) return of_log;
  const auto of_files = on_files(handle.dict, op, request, later);
  if (!of_files.empty()) return of_files;
  const auto of_key = on_key(handle.dict, op, request, later);
  return of_key.empty() ? on_table(handle.dict, op, request, later) : of_key;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::unique_ptr<json, void (*)(json *)> request(json_parse(line.c_str()), json_free);
    try {
      if (!request) throw bug("not a request");
      const auto result = answer(*request);
      std::cout << (result.empty() ? "{\"absent\":true}" : "{\"ok\":" + result + "}") << std::endl;
    } catch (const dictsqlite::error &error) {
      std::cout << shape(error) << std::endl;
    } catch (const std::exception &error) {
      std::cout << "{\"bug\":" << quoted(error.what()) << "}" << std::endl;
    }
  }
  transactions.clear();
  streams.clear();
  watches.clear();
  handles.clear();
}
