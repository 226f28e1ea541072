/* Forks, and ends of the process without a close: what was acknowledged is there afterwards. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void ended_well(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (status != 0) fprintf(stderr, "the child ended with status %#x\n", (unsigned)status);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static dictsqlite_option_list lazy(void) {
  static const dictsqlite_option options[] = {{"persist_mode", "lazy"}, {"flush_interval", "3600"}};
  return (dictsqlite_option_list){options, 2};
}

static void ignore(void *user_data, dictsqlite_result *result) {
  *(dictsqlite_code *)user_data = result->code;
}

/* Both sides of a fork go on with the same handle; scans and queues are the parent's. */
static void forks(void) {
  dictsqlite_dict dict = opened("fork.db");
  dictsqlite_scan scan;
  dictsqlite_queue queue;
  dictsqlite_page page;
  int64_t sum;
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("v"), &error));
  OK(dictsqlite_flush(dict, false, &error)); /* What is not committed is the parent's alone. */
  OK(dictsqlite_scan_begin(dict, NULL, &scan, &error));
  OK(dictsqlite_queue_open(&queue, &error));
  dictsqlite_code code = DICTSQLITE_INTERNAL;
  dictsqlite_call call = {queue, ignore, &code};

  pid_t child = fork();
  if (child == 0) {
    CHECK(has(dict, "k", "v"));
    OK(dictsqlite_incr(dict, dictsqlite_text("n"), 1, &sum, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_scan_next(scan, &page, &error));
    OK(dictsqlite_scan_close(scan, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_queue_run(queue, 0, NULL, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_incr_async(dict, dictsqlite_text("n"), 1, call, NULL, &error));
    OK(dictsqlite_queue_open(&call.queue, &error));
    OK(dictsqlite_incr_async(dict, dictsqlite_text("n"), 1, call, NULL, &error));
    OK(dictsqlite_queue_run(call.queue, -1, NULL, &error));
    CHECK(code == DICTSQLITE_OK);
    dictsqlite_call direct = {{0}, ignore, &code};
    code = DICTSQLITE_INTERNAL;
    OK(dictsqlite_incr_async(dict, dictsqlite_text("n"), 1, direct, NULL, &error));
    for (int i = 0; i < 5000 && *(volatile dictsqlite_code *)&code != DICTSQLITE_OK; i++) usleep(1000);
    CHECK(code == DICTSQLITE_OK);
    OK(dictsqlite_close(dict, &error));
    FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_close(dict, &error));
    _exit(0);
  }
  OK(dictsqlite_incr(dict, dictsqlite_text("n"), 1, &sum, &error));
  ended_well(child);
  CHECK(has(dict, "n", "4"));
  OK(dictsqlite_incr_async(dict, dictsqlite_text("n"), 1, call, NULL, &error));
  OK(dictsqlite_queue_run(queue, -1, NULL, &error));
  CHECK(code == DICTSQLITE_OK);
  OK(dictsqlite_scan_next(scan, &page, &error));
  CHECK(page.len > 0);
  dictsqlite_page_free(&page);
  OK(dictsqlite_scan_close(scan, &error));
  OK(dictsqlite_queue_close(queue, &error));
  OK(dictsqlite_close(dict, &error));
}

/* Transactions, streams and watches are the parent's, and go on there. */
static void forks_within(void) {
  dictsqlite_dict dict;
  dictsqlite_option option = {"changes", "true"};
  OK(dictsqlite_open(path_to("within.db"), (dictsqlite_option_list){&option, 1}, &dict, &error));
  dictsqlite_key key = dictsqlite_text("k");
  dictsqlite_tx tx, locking;
  dictsqlite_tx_options options = {.mode = DICTSQLITE_TX_IMMEDIATE};
  dictsqlite_change_stream stream;
  dictsqlite_watch watch;
  dictsqlite_value value;
  OK(dictsqlite_changes_begin(dict, NULL, &stream, &error));
  OK(dictsqlite_watch_begin(dict, (dictsqlite_key_list){&key, 1}, NULL, &watch, &error));
  OK(dictsqlite_tx_begin(dict, NULL, &tx, &error));
  OK(dictsqlite_tx_get(tx, dictsqlite_text("other"), &value, &error));
  OK(dictsqlite_tx_begin(dict, &options, &locking, &error));
  OK(dictsqlite_tx_set(locking, key, dictsqlite_str("1"), DICTSQLITE_TTL_DEFAULT, &error));
  dictsqlite_change_page changes;
  dictsqlite_page page;
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_tx_get(tx, key, &value, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_tx_commit(locking, NULL, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_changes_next(stream, -1, &changes, &error));
    FAILS(DICTSQLITE_CLOSED, "forked", dictsqlite_watch_next(watch, -1, &page, &error));
    CHECK(!dictsqlite_tx_is_open(tx));
    OK(dictsqlite_tx_close(tx, &error));
    OK(dictsqlite_tx_close(locking, &error));
    OK(dictsqlite_changes_close(stream, &error));
    OK(dictsqlite_watch_close(watch, &error));
    CHECK(has(dict, "k", NULL));
    _exit(0);
  }
  ended_well(child);
  OK(dictsqlite_tx_commit(locking, NULL, &error));
  OK(dictsqlite_tx_set(tx, dictsqlite_text("x"), dictsqlite_str("1"), DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_tx_commit(tx, NULL, &error));
  OK(dictsqlite_tx_close(locking, &error));
  OK(dictsqlite_tx_close(tx, &error));
  for (size_t found = 0; found < 2; dictsqlite_change_page_free(&changes)) {
    OK(dictsqlite_changes_next(stream, -1, &changes, &error));
    found += changes.len;
  }
  OK(dictsqlite_watch_next(watch, -1, &page, &error));
  CHECK(page.len == 1 && is(page.items[0].value, "1"));
  dictsqlite_page_free(&page);
  OK(dictsqlite_changes_close(stream, &error));
  OK(dictsqlite_watch_close(watch, &error));
  OK(dictsqlite_close(dict, &error));
}

/* The child of a fork inherits AddressSanitizer's allocator as it is, with locks that other threads held. */
#ifdef __SANITIZE_ADDRESS__
#define FORKS_UNDER_LOAD 0
#elif defined(__has_feature)
#define FORKS_UNDER_LOAD !__has_feature(address_sanitizer)
#else
#define FORKS_UNDER_LOAD 1
#endif

static dictsqlite_dict busy;
static atomic_bool enough;

static void *keep_busy(void *mine) {
  static dictsqlite_code unread;
  dictsqlite_call call = {{0}, ignore, &unread};
  char name[32];
  for (int i = 0; !atomic_load(&enough); i++) {
    snprintf(name, sizeof name, "%d:%d", (int)(intptr_t)mine, i % 100);
    OK(dictsqlite_set(busy, dictsqlite_text(name), dictsqlite_str("v"), &error));
    CHECK(has(busy, name, "v"));
    dictsqlite_dict other = opened("busy.db");
    OK(dictsqlite_incr_async(other, dictsqlite_text("async"), 1, call, NULL, &error));
    OK(dictsqlite_close(other, &error));
  }
  return NULL;
}

/* Forks at any moment, whatever other threads are in the midst of. */
static void forks_under_load(void) {
  enum { THREADS = 4, FORKS = 12 };
  pthread_t threads[THREADS];
  int64_t sum;
  busy = opened("busy.db");
  for (intptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, keep_busy, (void *)i) == 0);
  for (int i = 0; i < FORKS; i++) {
    usleep(3000 * (i % 4));
    pid_t child = fork();
    if (child == 0) {
      alarm(60);
      OK(dictsqlite_incr(busy, dictsqlite_text("forks"), 1, &sum, &error));
      dictsqlite_dict own = opened("busy.db");
      dictsqlite_code code = DICTSQLITE_INTERNAL;
      dictsqlite_call call = {{0}, ignore, &code};
      OK(dictsqlite_queue_open(&call.queue, &error));
      OK(dictsqlite_incr_async(own, dictsqlite_text("forks"), 1, call, NULL, &error));
      OK(dictsqlite_queue_run(call.queue, -1, NULL, &error));
      CHECK(code == DICTSQLITE_OK);
      OK(dictsqlite_close(own, &error));
      OK(dictsqlite_close(busy, &error));
      _exit(0);
    }
    ended_well(child);
  }
  atomic_store(&enough, true);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(has(busy, "forks", "24"));
  OK(dictsqlite_close(busy, &error));
}

/* `exit` and the end of `main` flush; `_exit` loses what the mode says may be lost. */
static void exits(void) {
  for (int way = 0; way < 2; way++) {
    pid_t child = fork();
    if (child == 0) {
      dictsqlite_dict dict;
      OK(dictsqlite_open(path_to("exit.db"), lazy(), &dict, &error));
      OK(dictsqlite_set(dict, dictsqlite_integer(way), dictsqlite_str("accepted"), &error));
      if (way == 0) exit(0);
      _exit(0);
    }
    ended_well(child);
  }
  dictsqlite_dict dict = opened("exit.db");
  bool found;
  OK(dictsqlite_contains(dict, dictsqlite_integer(0), &found, &error));
  CHECK(found);
  OK(dictsqlite_contains(dict, dictsqlite_integer(1), &found, &error));
  CHECK(!found);
  OK(dictsqlite_close(dict, &error));
}

static void tests(void) {
  forks();
  forks_within();
  if (FORKS_UNDER_LOAD) forks_under_load();
  exits();
}
