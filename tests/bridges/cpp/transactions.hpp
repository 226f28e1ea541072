// Transactions, changes and watches; a part of bridge.cpp, in its namespace.

// What the runner opened, by its numbers.
std::map<std::int64_t, dictsqlite::transaction> transactions;
std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> savepoints;
std::map<std::int64_t, dictsqlite::changes> streams;
std::map<std::int64_t, dictsqlite::watch> watches;

template <class Map, class Key>
auto &known(Map &map, const Key &number) {
  const auto found = map.find(number);
  if (found == map.end()) throw bug("no such number");
  return found->second;
}

std::chrono::milliseconds ms_of(const json *seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds ? seconds->real : 0));
}

// A name as C's number for it; one that is none of them as a number that is none.
std::uint32_t one_of(const json *given, std::initializer_list<const char *> names) {
  std::uint32_t number = 0;
  if (!given) return number;
  for (const char *name : names) {
    if (text_of(*given) == name) return number;
    ++number;
  }
  return 99;
}

std::string begin(const dictsqlite::dict &d, const json &request, bool later) {
  dictsqlite::tx_options options;
  options.mode = static_cast<dictsqlite::tx_mode>(
      one_of(json_member(&request, "mode"), {"concurrent", "immediate", "read"}));
  options.isolation = static_cast<dictsqlite::tx_isolation>(
      one_of(json_member(&request, "isolation"), {"serializable", "snapshot"}));
  options.timeout = ms_of(json_member(&request, "timeout"));
  options.max_hold = ms_of(json_member(&request, "max_hold"));
  auto tx = later ? d.transaction_async(options).get() : d.transaction(options);
  transactions.insert_or_assign(needed(request, "tx").integer, std::move(tx));
  return "true";
}

std::string in_transaction(const std::string &op, const json &request, bool later) {
  const auto number = needed(request, "tx").integer;
  const auto &tx = known(transactions, number);
  if (op == "table") {
    const json *options = json_member(&request, "options");
    const json *mode = options ? json_member(options, "storage_mode") : nullptr;
    const auto name = text_of(needed(request, "name")), storage = mode ? text_of(*mode) : std::string();
    auto table = later ? tx.table_async(name, storage).get() : tx.table(name, storage);
    transactions.insert_or_assign(needed(request, "as").integer, std::move(table));
    return "true";
  }
  if (op == "savepoint") {
    savepoints[{number, needed(request, "savepoint").integer}] = tx.savepoint();
    return "true";
  }
  if (op == "rollback_to" || op == "release") {
    const auto savepoint = known(savepoints, std::pair(number, needed(request, "savepoint").integer));
    if (op == "release") tx.release(savepoint); else tx.rollback_to(savepoint);
    return "true";
  }
  if (op == "commit") return shape(later ? tx.commit_async().get() : tx.commit());
  if (op == "rollback") {
    tx.rollback();
    return "true";
  }
  if (op == "len") return shape(later ? tx.size_async().get() : tx.size());
  if (op == "clear") {
    if (later) tx.clear_async().get(); else tx.clear();
    return "true";
  }
  if (op == "page") return page(tx, request, later);
  const auto key = key_of(needed(request, "key"));
  const auto life = ttl_of(request);
  const json *given = json_member(&request, "value");
  const auto bytes = given ? unhex(*given) : std::string();
  const auto value = bytes_of(bytes);
  if (op == "get") return shape(later ? tx.get_async(key).get() : tx.get(key));
  if (op == "contains") return shape(later ? tx.contains_async(key).get() : tx.contains(key));
  if (op == "entry") return shape(later ? tx.get_entry_async(key).get() : tx.get_entry(key));
  if (op == "set") {
    tx.set(key, value, life);
    return "true";
  }
  if (op == "delete") {
    tx.erase(key);
    return "true";
  }
  if (op == "remove") return shape(later ? tx.remove_async(key).get() : tx.remove(key));
  if (op == "pop") return value_of(later ? tx.pop_async(key).get() : tx.pop(key));
  if (op == "setdefault") {
    const auto there = later ? tx.set_default_async(key, value, life).get() : tx.set_default(key, value, life);
    return there ? value_of(there) : hex(bytes);
  }
  if (op == "incr") {
    const auto by = needed(request, "by").integer;
    return shape(later ? tx.incr_async(key, by).get() : tx.incr(key, by));
  }
  if (op == "expire") return shape(later ? tx.expire_async(key, life).get() : tx.expire(key, life));
  return {};
}

std::string atomic(const dictsqlite::dict &d, const json &request, bool later) {
  auto all = d.atomic();
  for (const json *check = needed(request, "checks").first; check; check = check->next)
    all.check(key_of(*check->first), check->first->next->integer);
  for (const json *write = needed(request, "writes").first; write; write = write->next) {
    if (const json *key = json_member(write, "set")) {
      const auto bytes = unhex(needed(*write, "value"));
      all.set(key_of(*key), bytes_of(bytes), ttl_of(*write));
    } else if (const json *key = json_member(write, "incr")) {
      all.incr(key_of(*key), needed(*write, "by").integer);
    } else {
      all.erase(key_of(needed(*write, "delete")));
    }
  }
  return shape(later ? all.commit_async().get() : all.commit());
}

std::string shape(const std::optional<std::string_view> &bytes) { return bytes ? hex(*bytes) : "null"; }

std::string shape(const std::optional<dictsqlite::time_point> &time) {
  return time ? std::to_string(time->time_since_epoch().count()) : "null";
}

std::string shape(const dictsqlite::change &c) {
  static const char *const kinds[] = {"", "insert", "update", "delete", "expire"};
  return "{\"seq\":" + std::to_string(c.seq) + ",\"kind\":\"" + kinds[static_cast<int>(c.kind)] +
         "\",\"table\":" + quoted(c.table) + ",\"key\":" + shape(c.key) + ",\"old\":" + shape(c.before) +
         ",\"new\":" + shape(c.after) + ",\"expires_at\":" + shape(c.expires_at) + "}";
}

std::string shape(const dictsqlite::watched &w) {
  if (!w.value) return "[" + shape(w.key) + ",null]";
  return "[" + shape(w.key) + ",{\"value\":" + hex(*w.value) + ",\"version\":" + std::to_string(w.version) +
         ",\"expires_at\":" + shape(w.expires_at) + "}]";
}

// Pages until there are as many as are asked for.
template <class Source>
std::string pages(const Source &from, const json &request, bool later) {
  const auto count = static_cast<std::size_t>(needed(request, "count").integer);
  std::string out;
  for (std::size_t found = 0; found < count;) {
    const auto page = later ? from.next_page_async().get() : from.next_page();
    for (std::size_t at = 0; at < page.size(); ++at) out += (out.empty() ? "" : ",") + shape(page[at]);
    found += page.size();
  }
  return "[" + out + "]";
}

// Empty if it is none of these.
std::string on_log(const dictsqlite::dict &d, const std::string &op, const json &request, bool later) {
  const json *prefix = json_member(&request, "prefix");
  if (op == "enable_changes") {
    std::optional<std::uint64_t> count;
    std::optional<std::chrono::milliseconds> age;
    if (const json *given = json_member(&request, "count")) count = static_cast<std::uint64_t>(given->integer);
    if (const json *given = json_member(&request, "age")) age = ms_of(given);
    if (later) d.enable_changes_async(count, age).get(); else d.enable_changes(count, age);
    return "true";
  }
  if (op == "has_changes") return shape(later ? d.has_changes_async().get() : d.has_changes());
  if (op == "changes") {
    dictsqlite::changes_options options;
    if (const json *since = json_member(&request, "since")) options.since = since->integer;
    if (const json *tables = json_member(&request, "tables"))
      for (const json *name = tables->first; name; name = name->next) options.tables.push_back(text_of(*name));
    if (prefix) options.prefix = key_of(*prefix);
    streams.insert_or_assign(needed(request, "stream").integer, d.changes(options));
    return "true";
  }
  if (op == "next_changes") return pages(known(streams, needed(request, "stream").integer), request, later);
  if (op == "position") return shape(known(streams, needed(request, "stream").integer).position());
  if (op == "close_changes") {
    known(streams, needed(request, "stream").integer).close();
    return "true";
  }
  if (op == "watch") {
    std::vector<dictsqlite::key> keys;
    if (const json *given = json_member(&request, "keys")) keys = keys_of(*given);
    const std::vector<dictsqlite::key_view> views(keys.begin(), keys.end());
    const auto start = prefix ? std::optional<dictsqlite::key>(key_of(*prefix)) : std::nullopt;
    // Both at once only the constructor takes.
    auto watch = start && views.empty() ? d.watch_prefix(*start)
                 : start                ? dictsqlite::watch(d.c(), views, start->view())
                 : views.empty()        ? d.watch_all()
                                        : d.watch(views);
    watches.insert_or_assign(needed(request, "watch").integer, std::move(watch));
    return "true";
  }
  if (op == "next_watched") return pages(known(watches, needed(request, "watch").integer), request, later);
  if (op == "close_watch") {
    known(watches, needed(request, "watch").integer).close();
    return "true";
  }
  return {};
}
