// Futures, callbacks, queues, cancelling and threads.
#include <poll.h>

#include <atomic>
#include <thread>

#include "check.hpp"

using namespace std::chrono_literals;
using dictsqlite::errc;
using dictsqlite::outcome;

static void futures() {
  auto db = dictsqlite::store::open_async(path_to("futures.db")).get();
  db.set_async("k", "v").get();
  CHECK(db.get_async("k").get()->view() == "v" && !db.get_async("none").get());
  CHECK(db.contains_async("k").get() && db.size_async().get() == 1);
  const auto version = db.get_entry_async("k").get()->version;
  CHECK(db.set_if_version_async("k", "w", version).get() > version);
  auto conflict = db.set_if_version_async("k", "x", version);
  THROWS(conflict, "version", conflict.get());
  db.set_many_async({{"a", "1"}, {"b", "2"}}).get();
  CHECK(*db.get_many_async({"a", "b", "c"}).get()[1] == "2");
  db.erase_async("a").get();
  db.erase_many_async({"b", "c"}).get();
  CHECK(db.incr_async("n", 5).get() == 5 && db.expire_async("n", 1h).get());
  CHECK(!db.set_default_async("d", "1").get() && db.pop_async("d").get()->value == "1");
  CHECK(db.remove_async("n").get() && !db.remove_async("n").get());
  CHECK(db.pop_item_async(true).get()[0].value == "w");
  const auto created = db.set_if_version_async("k", "v", 0).get();
  db.erase_if_version_async("k", created).get();
  db.set("s", "1");
  auto scan = db.scan();
  CHECK(dictsqlite::dict::next_page_async(scan).get().size() == 1);
  CHECK(dictsqlite::dict::next_page_async(scan).get().empty());
  CHECK(db.clear_async().get() == 1);
  auto table = db.table_async("t", "json").get();
  THROWS(codec, "JSON", table.set_async("k", "{").get());
  table.close_async().get();
  CHECK(!table.is_open() && db.tables_async().get().size() == 2 && db.drop_table_async("t").get());
  db.flush_async(true).get();
  db.close_async().get();
  THROWS(closed, "closed", db.get_async("k"));
}

// An event loop of one's own: callbacks come on its thread, a descriptor says when.
static void queues() {
  dictsqlite::store db(path_to("queues.db"));
  dictsqlite::queue queue;
  const auto here = std::this_thread::get_id();
  int called = 0;
  std::int64_t sum = 0;
  for (int i = 0; i < 100; ++i)
    db.incr_async("n", 1, [&](outcome<std::int64_t> came) {
      CHECK(std::this_thread::get_id() == here && came.ok());
      sum = came.get();
      ++called;
    }, {&queue});
  while (queue.pending() > 0) {
    pollfd watched{queue.descriptor(), POLLIN, 0};
    CHECK(poll(&watched, 1, 20000) == 1);
    queue.run();
  }
  CHECK(called == 100 && sum == 100);
  db.set_if_version_async("n", "x", 1, {}, [&](outcome<std::int64_t> came) {
    CHECK(!came && came.failure().kind() == errc::conflict);
    ++called;
  }, {&queue});
  CHECK(queue.run(20s) == 1 && called == 101);
  // A future that the queue fulfils; and one that the queue's end fulfils.
  auto future = db.get_async("n", dictsqlite::to_future{}, {&queue});
  queue.run(20s);
  CHECK(future.wait_for(0s) == std::future_status::ready && *future.get() == "100");
  std::future<std::int64_t> late;
  {
    dictsqlite::queue brief;
    late = db.incr_async("n", 1, dictsqlite::to_future{}, {&brief});
  }
  CHECK(late.wait_for(0s) == std::future_status::ready && late.get() == 101);

  // What is cancelled never happens; everything is called back once.
  int cancelled = 0, done = 0, agreed = 0;
  for (int i = 0; i < 100; ++i) {
    dictsqlite::operation op;
    db.incr_async("c", 1, [&](outcome<std::int64_t> came) {
      ++done;
      if (!came) {
        CHECK(came.failure().kind() == errc::cancelled);
        ++cancelled;
      }
    }, {&queue, &op});
    agreed += op.cancel();
  }
  while (done < 100) queue.run(20s);
  const auto counted = db.get("c");
  CHECK(agreed == cancelled && (counted ? std::stoi(counted->str()) : 0) == 100 - cancelled);
}

static void threads() {
  dictsqlite::store db(path_to("threads.db"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&db, t] {
      for (int i = 0; i < 200; ++i) {
        db.set({t, i}, std::to_string(i));
        CHECK(*db.get({t, i}) == std::to_string(i));
        if (i % 10 == 0) db.incr_async("n", 1).get();
      }
    });
  for (auto &thread : threads) thread.join();
  CHECK(db.size() == 1201 && *db.get("n") == "120");
}

void tests() {
  futures();
  queues();
  threads();
  std::this_thread::sleep_for(300ms);  // The library's thread ends when it has nothing to do.
}
