// Every operation that waits, with exceptions and with error codes.
#include <chrono>
#include <map>
#include <thread>

#include "check.hpp"

using namespace std::chrono_literals;
using dictsqlite::errc;

static void keys_and_values() {
  dictsqlite::store db(path_to("keys.db"));
  const std::string text = "text";
  const std::vector<std::byte> bytes{std::byte{0xff}, std::byte{0}};
  const std::vector<std::uint8_t> octets{1, 2, 3};
  db.set("user:1", "Ada");
  db.set(std::string_view("view"), std::string_view("v\0w", 3));
  db.set(text, text);
  db.set(bytes, bytes);
  db.set(octets, octets);
  db.set(1, "integer");
  db.set("1", "digit");
  db.set(dictsqlite::bytes_view("1", 1), "byte");
  db.set(std::int64_t{-5}, "");
  db.set({"2024", 7, bytes}, "tuple");
  CHECK(db.get("user:1")->view() == "Ada" && !db.get("user:2"));
  CHECK(*db.get(std::string("view")) == std::string_view("v\0w", 3));
  CHECK(db.get(bytes)->size() == 2 && db.get(octets)->data()[2] == std::byte{3});
  CHECK(*db.get(1) == "integer" && *db.get("1") == "digit");
  CHECK(*db.get(dictsqlite::bytes_view("1", 1)) == "byte" && db.get(-5)->size() == 0);
  CHECK(db.contains({"2024", 7, bytes}) && !db.contains({"2024", 7}));

  // An owned key is equal to what it was made from, and outlives it.
  std::optional<dictsqlite::key> kept;
  {
    const std::string passing = "2024";
    kept = dictsqlite::key{passing, 7, bytes};
  }
  const dictsqlite::key copy = *kept;
  kept.reset();
  CHECK(*db.get(copy) == "tuple" && copy.view().size() == 3 && copy.view()[1].integer() == 7);
  CHECK(copy == dictsqlite::key({"2024", 7, bytes}) && copy != dictsqlite::key("2024"));

  const auto values = db.get_many({"user:1", "nobody", 1, copy});
  CHECK(values.size() == 4 && *values[0] == "Ada" && !values[1] && *values[3] == "tuple");
  CHECK(db.get_many({}).size() == 0);
  CHECK(db.size() == 10);
  db.erase("user:1");
  db.erase_many({"1", 1});
  CHECK(db.size() == 7);
  db.set_many({{"a", "1"}, {2, "2"}, {copy, octets}}, 1h);
  CHECK(db.get_entry(2)->expires_at && db.get(copy)->size() == 3);
  CHECK(db.clear() == 9 && db.size() == 0);

  THROWS(key_type, "UTF-8", db.get("\xff"));
  THROWS(key_type, "flatten", db.get({dictsqlite::key_view{"a", 1}, 2}));
}

static void conditions() {
  dictsqlite::store db(path_to("conditions.db"));
  const auto first = db.set_if_version("k", "1", 0);
  CHECK(db.set_if_version("k", "2", first) > first);
  std::error_code code;
  CHECK(db.set_if_version("k", "3", first, {}, code) == 0 && code == errc::conflict);
  CHECK(code.message() == "Conflict" && code.category().name() == std::string("dictsqlite"));
  CHECK(*db.get("k", code) == "2" && !code);
  try {
    db.erase_if_version({"t", 1}, 5);
    CHECK(false);
  } catch (const dictsqlite::error &error) {
    CHECK(error.kind() == errc::conflict && error.is_transient() && error.code() == errc::conflict);
    CHECK(*error.key() == dictsqlite::key({"t", 1}));
    const dictsqlite::error copy = error;
    CHECK(std::string(copy.what()) == error.what());
  }
  const auto entry = db.get_entry("k");
  CHECK(entry->value == "2" && entry->version > first && !entry->expires_at);
  db.erase_if_version("k", entry->version);
  CHECK(!db.get_entry("k") && !db.pop("k") && !db.remove("k"));
  CHECK(!db.set_default("k", "d") && db.set_default("k", "e")->value == "d" && db.pop("k")->value == "d");
  CHECK(db.incr("n", 40) == 40 && db.incr("n", 2) == 42);
  CHECK(db.expire("n", 10s) && !db.expire("none", 10s));
  CHECK(db.get_entry("n")->expires_at > std::chrono::system_clock::now());
  CHECK(db.expire("n", dictsqlite::ttl::never()) && !db.get_entry("n")->expires_at);
  THROWS(invalid, "ttl is 0", db.set("x", "y", 0s));
  db.set("brief", "x", 1ms);
  std::this_thread::sleep_for(5ms);
  CHECK(!db.get("brief"));
  db.set("last", "z");
  const auto item = db.pop_item(true);
  CHECK(item.size() == 1 && item[0].key.text() == "last" && item[0].value == "z");
  CHECK(db.pop_item(false)[0].value == "42" && db.pop_item(false).empty());
}

static void scans() {
  dictsqlite::store db(path_to("scans.db"));
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 1500; ++i) {
    const auto name = "k" + std::to_string(10000 - i);
    db.set(name, name);
    expected[name] = name;
  }
  std::map<std::string, std::string> seen;
  for (const auto &item : db.scan()) {
    if (seen.empty()) CHECK(item.key.text() == "k10000");
    seen.emplace(item.key.text(), item.value);
  }
  CHECK(seen == expected);
  dictsqlite::scan_options options;
  options.prefix = "k99";
  options.reverse = true;
  options.limit = 3;
  options.keys_only = true;
  std::string names;
  for (const auto &[key, value, version, expires_at] : db.scan(options)) {
    CHECK(value.data() == nullptr && version > 0 && !expires_at);
    names += std::string(key.text()) + " ";
  }
  CHECK(names == "k9999 k9998 k9997 ");
  options = {};
  options.start = "k9000";
  options.end = "k9002";
  options.consistent = true;
  auto scan = db.scan(options);
  const auto page = scan.next_page();
  CHECK(page.size() == 2 && page[1].value == "k9001" && scan.next_page().empty());
  auto moved = std::move(scan);
  moved.close();
  moved.close();
  THROWS(closed, "scan", moved.next_page());
  options = {};
  options.order = dictsqlite::order::key;
  for (const auto &item : db.scan(options)) {
    CHECK(item.key.text() == "k10000");
    break;
  }
  options.prefix = 5;
  std::error_code code;
  db.scan(options, code);
  CHECK(code == errc::key_type);
  CHECK(db.scan().begin() != db.scan().end());
}

static void handles() {
  dictsqlite::store db(path_to("handles.db"), {{"persist_mode", "lazy"}, {"timeout", "5"}});
  auto settings = db.table("settings", "json");
  settings.set("theme", R"({"dark":true})");
  THROWS(codec, "JSON", settings.set("x", "{"));
  CHECK(db.table("settings").get("theme")->str() == R"({"dark":true})");
  const auto tables = db.tables();
  CHECK(tables.size() == 2 && tables[1].name == "settings" && tables[1].storage_mode == "json");
  CHECK(db.drop_table("settings") && !db.drop_table("settings"));
  THROWS(closed, "dropped", settings.get("theme"));
  const auto info = db.info();
  CHECK(info.table == "main" && info.persist_mode == "lazy" && info.storage_mode == "bytes");
  CHECK(info.path->find("handles.db") != std::string::npos && !info.read_only);
  CHECK(!dictsqlite::store(":memory:").info().path);
  db.flush(true);
  CHECK(db.stats().commits > 0);
  dictsqlite::dict other = std::move(db);
  CHECK(other.is_open() && !db.is_open());
  THROWS(closed, "never opened", db.get("x"));
  other.close();
  std::error_code code;
  other.close(code);
  CHECK(code == errc::closed);
  dictsqlite::store refused(path_to("x.db"), {{"bufer_size", "1"}}, code);
  CHECK(code == errc::invalid && !refused.is_open());
  THROWS(invalid, "the options are", dictsqlite::store(path_to("x.db"), {{"bufer_size", "1"}}));
  THROWS(io, "cannot open", dictsqlite::store(path_to("no/such/x.db")));
}

void tests() {
  keys_and_values();
  conditions();
  scans();
  handles();
}
