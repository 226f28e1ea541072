// Work on whole files, with exceptions, error codes and futures, and how it is cancelled.
#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "check.hpp"

using namespace std::chrono_literals;
using dictsqlite::errc;
using dictsqlite::store;

static store filled(const std::string &name) {
  store db(path_to(name));
  for (int n = 0; n < 300; ++n) db.set(n, std::string(100, 'v'));
  db.set("k", "one");
  return db;
}

static bool nothing_of(const std::string &prefix) {
  for (const auto &entry : std::filesystem::directory_iterator(directory))
    if (entry.path().filename().string().rfind(prefix, 0) == 0) return false;
  return true;
}

static void backups() {
  const auto copy = path_to("copy.db"), other = path_to("other.db");
  {
    const auto db = filled("a.db");
    int calls = 0;
    dictsqlite::backup_options options;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      ++calls;
      return done <= total;
    };
    const auto bytes = db.backup(copy, options);
    CHECK(bytes == std::filesystem::file_size(copy) && calls >= 2);
    THROWS(invalid, "copy.db", db.backup(copy));
    std::error_code code;
    CHECK(db.backup(path_to("no/copy.db"), {}, code) == 0 && code == errc::invalid);
    options.overwrite = true;
    CHECK(db.backup_async(copy, options).get() == bytes);
  }
  CHECK(store::restore(copy, other) == std::filesystem::file_size(copy));
  dictsqlite::restore_options how;
  how.timeout = 50ms;
  THROWS(invalid, "other.db", store::restore(copy, other, how));
  how.overwrite = true;
  {
    const store db(other);
    CHECK(*db.get("k") == "one" && db.size() == 301);
    THROWS(busy, "other.db", store::restore(copy, other, how));
  }
  CHECK(store::restore_async(copy, other, how).get() > 0);
  std::error_code code;
  store::restore(path_to("nothing.db"), other, how, code);
  CHECK(code == errc::io);
}

static void cancelled() {
  const auto db = filled("b.db");
  dictsqlite::backup_options options;
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  THROWS(cancelled, "left nothing", db.backup(path_to("given-up"), options));
  THROWS(cancelled, "left nothing", db.backup_async(path_to("given-up"), options).get());

  // What it throws comes out, also where errors are codes; then it is not called any more.
  int calls = 0;
  dictsqlite::export_options what;
  what.progress = [&](std::uint64_t, std::uint64_t) -> bool {
    ++calls;
    throw std::runtime_error("enough");
  };
  std::error_code code;
  std::string said;
  try {
    db.export_to(path_to("given-up"), what, code);
  } catch (const std::runtime_error &error) {
    said = error.what();
  }
  CHECK(said == "enough" && calls == 1);
  THROWS(cancelled, "", db.export_to_async(path_to("given-up"), what).get());

  // What it throws at the last call comes too late: it was thrown in the place of a result that was there.
  options.progress = [](std::uint64_t done, std::uint64_t total) -> bool {
    if (total > 0 && done == total) throw std::runtime_error("too late");
    return true;
  };
  CHECK(db.backup(path_to("whole.db"), options) == std::filesystem::file_size(path_to("whole.db")));

  // From outside, while it is held.
  std::atomic<bool> go_on{false};
  options.progress = [&](std::uint64_t, std::uint64_t) {
    while (!go_on) std::this_thread::sleep_for(1ms);
    return true;
  };
  dictsqlite::operation op;
  auto stopped = db.backup_async(path_to("given-up"), options, dictsqlite::to_future{}, {nullptr, &op});
  CHECK(op.cancel());
  go_on = true;
  THROWS(cancelled, "", stopped.get());
  CHECK(nothing_of("given-up"));
}

static void exports() {
  const auto db = filled("c.db");
  db.table("docs", "json").set("a", "[1]");
  const auto lines = path_to("main.jsonl"), all = path_to("all.bin");
  CHECK(db.export_to(lines) == 301);
  dictsqlite::export_options what;
  what.prefix = "k";
  what.overwrite = true;
  CHECK(db.export_to(lines, what) == 1);
  what = {};
  what.format = dictsqlite::export_format::binary;
  what.tables = {"docs", "main"};
  std::uint64_t counted = 0;
  what.progress = [&](std::uint64_t done, std::uint64_t) {
    counted = done;
    return true;
  };
  CHECK(db.export_to_async(all, what).get() == 302 && counted == 302);

  const store into(path_to("d.db"));
  dictsqlite::import_options how;
  how.tables = {"main"};
  how.on_conflict = dictsqlite::on_conflict::error;
  CHECK(into.import_from(all, how).written == 301 && *into.get("k") == "one");
  try {
    into.import_from(all, how);
    CHECK(false);
  } catch (const dictsqlite::error &error) {
    CHECK(error.kind() == errc::conflict && error.key());
  }
  how = {};
  how.on_conflict = dictsqlite::on_conflict::skip;
  const auto done = into.import_from_async(all, how).get();
  CHECK(done.read == 302 && done.written == 1 && done.skipped == 301 && done.expired == 0);
}

static void upkeep() {
  auto db = filled("e.db");
  dictsqlite::warm_options few;
  few.prefix = "k";
  CHECK(db.warm(few).read == 1);
  CHECK(db.warm_async().get().cached == 301);
  db.clear();
  const auto sizes = db.vacuum();
  CHECK(sizes.after < sizes.before && db.vacuum_async().get().after == sizes.after);
  db.set("k", "one");
  const auto done = db.checkpoint();
  CHECK(done.emptied && done.frames > 0 && done.moved == done.frames && db.checkpoint_async().get().emptied);
  CHECK(db.integrity_check().empty() && db.integrity_check_async().get().empty());
  // By a callback, and moved to another handle.
  dictsqlite::queue queue;
  std::size_t problems = 99;
  const dictsqlite::dict moved = std::move(db);
  moved.integrity_check_async(
      [&](dictsqlite::outcome<std::vector<std::string>> came) { problems = came.ok() ? came.get().size() : 98; }, {&queue});
  while (queue.pending() > 0) queue.run(1s);
  CHECK(problems == 0);
  moved.close();
  THROWS(closed, "", moved.vacuum());
}

void tests() {
  backups();
  cancelled();
  exports();
  upkeep();
}
