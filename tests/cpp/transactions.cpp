// Transactions, atomic writes, changes and watches.
#include <thread>
#include <vector>

#include "check.hpp"

using namespace std::chrono_literals;

static void transactions() {
  dictsqlite::store db(path_to("transactions.db"));
  db.set("a", "10");
  {
    const auto tx = db.transaction();
    CHECK(tx.is_open() && *tx.get("a") == "10" && !tx.contains("b"));
    CHECK(tx.incr("a", -3) == 7);
    tx.set("b", "1", 1h);
    CHECK(tx.get_entry("b")->expires_at && tx.get_entry("b")->version == 0 && tx.size() == 2);
    const auto mark = tx.savepoint();
    tx.erase("a");
    CHECK(tx.remove("b") && tx.size() == 0);
    tx.rollback_to(mark);
    tx.release(mark);
    THROWS(invalid, "no such savepoint", tx.rollback_to(mark));
    CHECK(tx.set_default("b", "2")->value == "1" && !tx.set_default("c", "3"));
    CHECK(tx.pop("c")->value == "3" && !tx.pop("c"));
    CHECK(tx.expire("b", dictsqlite::ttl::never()) && !tx.expire("nobody", 1s));
    std::string seen;
    for (const auto &item : tx.scan()) seen += std::string(item.key.text()) + "=" + std::string(item.value) + " ";
    CHECK(seen == "a=7 b=1 ");
    auto other = tx.table("other", "json");
    other.set("j", "[1]");
    THROWS(codec, "JSON", other.set("j", "["));
    CHECK(*db.get("a") == "10" && !db.get("b"));
    CHECK(tx.commit() > 0 && !tx.is_open());
    CHECK(*db.get("a") == "7" && db.table("other").get("j")->str() == "[1]");
    THROWS(closed, "over", tx.get("a"));
    std::error_code code;
    CHECK(tx.commit(code) == 0 && code == dictsqlite::errc::closed);
  }
  {
    auto tx = db.transaction();
    CHECK(tx.clear() == 2);
    auto moved = std::move(tx);
    CHECK(moved.is_open() && !tx.is_open());
  }  // Rolled back.
  CHECK(db.size() == 2);
  try {
    db.transact([](const dictsqlite::transaction &tx) {
      tx.set("a", "0");
      throw std::runtime_error("mine");
    });
    CHECK(false);
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "mine");
  }
  CHECK(*db.get("a") == "7");
  dictsqlite::transaction none;
  THROWS(closed, "never opened", none.get("a"));
  dictsqlite::tx_options options;
  options.mode = dictsqlite::tx_mode::immediate;
  {
    const auto tx = db.transaction(options);
    THROWS(invalid, "transaction", db.set("a", "1"));
    tx.rollback();
  }
  options.mode = dictsqlite::tx_mode::read;
  THROWS(read_only, "only reads", db.transaction(options).set("a", "1"));
}

// No increment is lost, whoever conflicts with whom.
static void retries() {
  dictsqlite::store db(path_to("retries.db"), {{"persist_mode", "lazy"}});
  constexpr int threads = 4, each = 25;
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread)
    running.emplace_back([&] {
      for (int n = 0; n < each; ++n)
        db.transact([](const dictsqlite::transaction &tx) {
          const auto seen = tx.get("n");
          tx.set("n", std::to_string(seen ? std::stoi(seen->str()) + 1 : 1));
        }, 3);
    });
  for (auto &thread : running) thread.join();
  CHECK(db.get("n")->str() == std::to_string(threads * each));
  CHECK(db.transact([](const dictsqlite::transaction &tx) { return tx.incr("n", 1); }) == threads * each + 1);
  int calls = 0;
  try {
    db.transact([&](const dictsqlite::transaction &tx) {
      ++calls;
      tx.get("n");
      std::thread([&] { db.incr("n", 1); }).join();
      tx.set("other", "1");
    }, 0);
    CHECK(false);
  } catch (const dictsqlite::error &error) {
    CHECK(error.kind() == dictsqlite::errc::conflict && calls == 1 && *error.key() == dictsqlite::key("n"));
  }
}

static void asynchronous() {
  dictsqlite::store db(path_to("async.db"));
  auto tx = db.transaction_async().get();
  CHECK(tx.incr_async("n", 5).get() == 5 && tx.get_async("n").get()->str() == "5");
  CHECK(!tx.set_default_async("d", "1").get() && tx.get_entry_async("d").get()->value == "1");
  CHECK(tx.contains_async("d").get() && tx.expire_async("d", 1h).get() && tx.size_async().get() == 2);
  CHECK(tx.pop_async("d").get()->value == "1" && !tx.remove_async("d").get());
  auto other = tx.table_async("other").get();
  other.set("x", "1");
  CHECK(other.clear_async().get() == 1);
  std::thread([&] { tx.set("elsewhere", "1"); }).join();  // It belongs to no thread.
  dictsqlite::queue queue;
  std::int64_t version = 0;
  tx.commit_async([&](dictsqlite::outcome<std::int64_t> came) { version = came.get(); }, {&queue});
  while (queue.pending()) queue.run(1000ms);
  CHECK(version > 0 && *db.get("n") == "5" && *db.get("elsewhere") == "1");
  THROWS(closed, "over", tx.get_async("n").get());
}

static void atomic() {
  dictsqlite::store db(path_to("atomic.db"));
  db.set("stock", "3");
  const auto seen = db.get_entry("stock")->version;
  auto order = db.atomic();
  order.check("stock", seen).check({"order", 1}, 0).incr("stock", -1).set({"order", 1}, "Ada", 1h).erase("nobody");
  CHECK(order.commit() > seen && *db.get("stock") == "2" && db.get_entry({"order", 1})->expires_at);
  THROWS(conflict, "", db.atomic().check("stock", seen).erase("stock").commit());
  CHECK(db.atomic().set("a", "").commit_async().get() > seen && db.get("a")->size() == 0);
  THROWS(codec, "", db.atomic().set("b", "1").incr({"order", 1}, 1).commit());
  CHECK(!db.get("b"));
}

static void streams() {
  dictsqlite::store db(path_to("streams.db"));
  CHECK(!db.has_changes());
  THROWS(invalid, "logs its changes", db.changes());
  db.enable_changes(1000, 1h);
  db.enable_changes_async().get();
  CHECK(db.has_changes_async().get());
  THROWS(invalid, "age is 0", db.enable_changes({}, -1ms));
  const auto changes = db.changes();
  CHECK(changes.next_page(0ms).empty());
  db.set({"k", 1}, "one");
  db.flush(false);
  const auto page = changes.next_page();
  CHECK(page.size() == 1 && page[0].kind == dictsqlite::change_kind::insert && page[0].table == "main");
  CHECK(!page[0].before && *page[0].after == "one" && page[0].key == (dictsqlite::key_view{"k", 1}));
  CHECK(!page[0].expires_at && page[0].storage_mode == "bytes" && changes.position() >= page[0].seq);
  auto later = changes.next_page_async();
  db.incr("n", 1);
  CHECK(later.get()[0].key == "n");

  // A range waits for more, and ends when the stream is closed.
  dictsqlite::changes_options from;
  from.since = 0;
  from.tables = {"main"};
  const auto all = db.changes(from);
  std::vector<std::string> kinds;
  std::thread reader([&] {
    for (const auto &change : all) {
      kinds.push_back(change.after ? std::string(*change.after) : "gone");
      if (kinds.size() == 3) all.close();
    }
  });
  db.erase("n");
  db.flush(false);
  reader.join();
  CHECK((kinds == std::vector<std::string>{"one", "1", "gone"}));
  THROWS(closed, "closed", all.next_page());
}

static void watches() {
  dictsqlite::store db(path_to("watches.db"), {{"changes", "true"}});
  db.set("a", "1");
  const auto watch = db.watch({"a", 2});
  const auto first = watch.next_page();
  CHECK(first.size() == 2 && first[0].key == "a" && *first[0].value == "1" && first[0].version > 0);
  CHECK(first[1].key == 2 && !first[1].value);
  auto later = watch.next_page_async();
  db.set(2, "", 1h);
  db.flush(false);
  const auto second = later.get();
  CHECK(second.size() == 1 && second[0].value->empty() && second[0].expires_at);
  CHECK(watch.next_page(0ms).empty());
  const auto prefixed = db.watch_prefix("a");
  for (const auto &found : prefixed) {
    CHECK(found.key == "a");
    prefixed.close();
    break;
  }
  CHECK(db.watch_all().next_page().size() == 2);
  db.close();
  THROWS(closed, "closed", watch.next_page());
}

void tests() {
  transactions();
  retries();
  asynchronous();
  atomic();
  streams();
  watches();
}
