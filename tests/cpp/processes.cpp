// Both sides of a fork go on with the same handle; what is accepted when the process exits is flushed.
#include <sys/wait.h>
#include <unistd.h>

#include "check.hpp"

static void ended_well(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void forks() {
  dictsqlite::store db(path_to("forks.db"));
  db.set("k", "v");
  db.flush(false);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(*db.get("k") == "v" && db.incr("n", 1) > 0 && db.incr_async("n", 1).get() > 0);
    db.close();
    _exit(0);
  }
  db.incr("n", 1);
  ended_well(child);
  CHECK(*db.get("n") == "3");
}

static void exits() {
  const pid_t child = fork();
  if (child == 0) {
    static dictsqlite::store db(path_to("exits.db"), {{"persist_mode", "lazy"}, {"flush_interval", "3600"}});
    auto *lost = new dictsqlite::dict(db.table("other"));
    db.set("k", "v");
    lost->set("k", "v");
    std::exit(0);
  }
  ended_well(child);
  dictsqlite::store db(path_to("exits.db"));
  CHECK(*db.get("k") == "v" && *db.table("other").get("k") == "v");
}

void tests() {
  forks();
  exits();
}
