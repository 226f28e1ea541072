/* Every asynchronous form, called back by the library's thread and by a queue that an event loop watches. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* What a callback kept. */
typedef struct kept {
  atomic_int calls;
  dictsqlite_code code;
  char text[64];
  bool absent;
  int64_t number, version;
  size_t len;
  dictsqlite_dict dict;
  pthread_t thread;
} kept;

static void keep(void *user_data, dictsqlite_result *result) {
  kept *k = user_data;
  k->code = result->code;
  const char *said = dictsqlite_error_message(result->error);
  CHECK((result->code == DICTSQLITE_OK) == (result->error == NULL));
  snprintf(k->text, sizeof k->text, "%.60s", said);
  /* Which of the fields is filled is the operation's. */
  dictsqlite_value *value = result->entry.value.data ? &result->entry.value : &result->value;
  k->absent = value->data == NULL;
  if (value->data) snprintf(k->text, sizeof k->text, "%.*s", (int)value->len, (const char *)value->data);
  k->number = result->number;
  k->version = result->entry.version;
  k->len = result->values.len + result->page.len + result->tables.len;
  if (result->page.len) snprintf(k->text, sizeof k->text, "%.*s", (int)result->page.items[0].value.len,
                                 (const char *)result->page.items[0].value.data);
  k->dict = result->dict;
  k->thread = pthread_self();
  atomic_fetch_add(&k->calls, 1);
}

static dictsqlite_queue queue; /* Zero: the library's thread. */
static kept last;

static dictsqlite_call to_last(void) {
  memset(&last, 0, sizeof last);
  return (dictsqlite_call){queue, keep, &last};
}

/* Waits for the one callback that is to come: by `poll` if there is a queue to watch. */
static void await(void) {
  int descriptor = -1;
  if (queue.id != 0) OK(dictsqlite_queue_descriptor(queue, &descriptor, &error));
  for (int turn = 0; atomic_load(&last.calls) == 0; turn++) {
    CHECK(turn < 20000);
    if (queue.id == 0) {
      usleep(1000);
      continue;
    }
    struct pollfd watched = {descriptor, POLLIN, 0};
    CHECK(poll(&watched, 1, 20000) == 1);
    uint64_t count;
    OK(dictsqlite_queue_run(queue, 0, &count, &error));
    CHECK(count == 1 && pthread_equal(last.thread, pthread_self()));
    CHECK(poll(&watched, 1, 0) == 0);
  }
  CHECK(atomic_load(&last.calls) == 1);
  if (queue.id == 0) CHECK(!pthread_equal(last.thread, pthread_self()));
}

/* The asynchronous call ends with `&op, &error`, and its result is awaited. */
#define AWAIT(call)           \
  do {                        \
    dictsqlite_op op;         \
    OK(call);                 \
    CHECK(op.number != 0);    \
    await();                  \
  } while (0)
#define DONE(call)                                                             \
  do {                                                                         \
    AWAIT(call);                                                               \
    if (last.code != DICTSQLITE_OK) fprintf(stderr, "%s: %s\n", #call, last.text); \
    CHECK(last.code == DICTSQLITE_OK);                                         \
  } while (0)

static void every_operation(const char *name) {
  dictsqlite_key key = dictsqlite_text("k"), other = dictsqlite_integer(2), keys[2] = {key, other};
  dictsqlite_slice one = dictsqlite_str("1"), two = dictsqlite_str("2");
  dictsqlite_key_list both = {keys, 2};
  int64_t ttl = DICTSQLITE_TTL_DEFAULT;

  DONE(dictsqlite_open_async(path_to(name), dictsqlite_no_options(), to_last(), &op, &error));
  dictsqlite_dict dict = last.dict;
  CHECK(dictsqlite_is_open(dict));
  DONE(dictsqlite_set_async(dict, key, one, ttl, to_last(), &op, &error));
  DONE(dictsqlite_get_async(dict, key, to_last(), &op, &error));
  CHECK(strcmp(last.text, "1") == 0);
  DONE(dictsqlite_get_async(dict, other, to_last(), &op, &error));
  CHECK(last.absent);
  DONE(dictsqlite_contains_async(dict, key, to_last(), &op, &error));
  CHECK(last.number == 1);
  DONE(dictsqlite_get_entry_async(dict, key, to_last(), &op, &error));
  CHECK(strcmp(last.text, "1") == 0 && last.version > 0);
  int64_t version = last.version;
  dictsqlite_pair pairs[2] = {{key, one}, {other, two}};
  DONE(dictsqlite_set_many_async(dict, (dictsqlite_pair_list){pairs, 2}, ttl, to_last(), &op, &error));
  DONE(dictsqlite_get_many_async(dict, both, to_last(), &op, &error));
  CHECK(last.len == 2);
  DONE(dictsqlite_len_async(dict, to_last(), &op, &error));
  CHECK(last.number == 2);
  AWAIT(dictsqlite_set_if_version_async(dict, key, two, version, ttl, to_last(), &op, &error));
  CHECK(last.code == DICTSQLITE_CONFLICT);
  DONE(dictsqlite_get_entry_async(dict, key, to_last(), &op, &error));
  version = last.version;
  DONE(dictsqlite_set_if_version_async(dict, key, two, version, ttl, to_last(), &op, &error));
  CHECK(last.number > version);
  version = last.number;
  DONE(dictsqlite_delete_if_version_async(dict, key, version, to_last(), &op, &error));
  DONE(dictsqlite_set_default_async(dict, key, one, ttl, to_last(), &op, &error));
  CHECK(last.absent);
  DONE(dictsqlite_incr_async(dict, key, 41, to_last(), &op, &error));
  CHECK(last.number == 42);
  DONE(dictsqlite_expire_async(dict, key, 60000, to_last(), &op, &error));
  CHECK(last.number == 1);
  DONE(dictsqlite_pop_async(dict, key, to_last(), &op, &error));
  CHECK(strcmp(last.text, "42") == 0);
  DONE(dictsqlite_remove_async(dict, key, to_last(), &op, &error));
  CHECK(last.number == 0);

  dictsqlite_scan scan;
  OK(dictsqlite_scan_begin(dict, NULL, &scan, &error));
  DONE(dictsqlite_scan_next_async(scan, to_last(), &op, &error));
  CHECK(last.len == 1 && strcmp(last.text, "2") == 0);
  for (int i = 0; i < 2; i++) {
    DONE(dictsqlite_scan_next_async(scan, to_last(), &op, &error));
    CHECK(last.len == 0);
  }
  OK(dictsqlite_scan_close(scan, &error));

  DONE(dictsqlite_pop_item_async(dict, true, to_last(), &op, &error));
  CHECK(last.len == 1);
  DONE(dictsqlite_set_async(dict, key, one, 1000, to_last(), &op, &error));
  DONE(dictsqlite_delete_async(dict, key, to_last(), &op, &error));
  DONE(dictsqlite_delete_many_async(dict, both, to_last(), &op, &error));
  DONE(dictsqlite_clear_async(dict, to_last(), &op, &error));
  DONE(dictsqlite_flush_async(dict, true, to_last(), &op, &error));
  DONE(dictsqlite_open_table_async(dict, "t", "json", to_last(), &op, &error));
  dictsqlite_dict table = last.dict;
  AWAIT(dictsqlite_set_async(table, key, dictsqlite_str("{"), ttl, to_last(), &op, &error));
  CHECK(last.code == DICTSQLITE_CODEC);
  DONE(dictsqlite_list_tables_async(dict, to_last(), &op, &error));
  CHECK(last.len == 2);
  DONE(dictsqlite_drop_table_async(dict, "t", to_last(), &op, &error));
  CHECK(last.number == 1);
  DONE(dictsqlite_close_async(table, to_last(), &op, &error));
  DONE(dictsqlite_close_async(dict, to_last(), &op, &error));
  CHECK(!dictsqlite_is_open(dict));
  /* What cannot begin is said at once, and nobody is called. */
  dictsqlite_op op = {7, 7};
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_get_async(dict, key, to_last(), &op, &error));
  CHECK(op.number == 0 && atomic_load(&last.calls) == 0);
}

/* A value is kept beyond the callback by moving it out of the result. */
static void keep_value(void *user_data, dictsqlite_result *result) {
  *(dictsqlite_value *)user_data = result->value;
  result->value = (dictsqlite_value){0};
}

static int turns;
static dictsqlite_dict turning;

/* Callbacks may start operations, wait, and run the queue again. */
static void again(void *user_data, dictsqlite_result *result) {
  (void)user_data;
  CHECK(result->code == DICTSQLITE_OK);
  uint64_t count;
  OK(dictsqlite_len(turning, &count, &error));
  if (++turns < 5) {
    dictsqlite_call call = {queue, again, NULL};
    OK(dictsqlite_incr_async(turning, dictsqlite_text("turns"), 1, call, NULL, &error));
    OK(dictsqlite_queue_run(queue, 0, NULL, &error));
  }
}

static void queues(void) {
  dictsqlite_dict dict = opened("queues.db");
  dictsqlite_value value = {0};
  uint64_t count;
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("kept"), &error));
  dictsqlite_call call = {queue, keep_value, &value};
  OK(dictsqlite_get_async(dict, dictsqlite_text("k"), call, NULL, &error));
  OK(dictsqlite_queue_pending(queue, &count, &error));
  CHECK(count == 1);
  FAILS(DICTSQLITE_BUSY, "1 operations", dictsqlite_queue_close(queue, &error));
  OK(dictsqlite_queue_run(queue, -1, &count, &error));
  CHECK(count == 1 && holds(&value, "kept"));
  dictsqlite_value_free(&value);
  /* With nothing under way there is nothing to wait for. */
  OK(dictsqlite_queue_run(queue, -1, &count, &error));
  CHECK(count == 0);

  turning = dict;
  call = (dictsqlite_call){queue, again, NULL};
  OK(dictsqlite_incr_async(dict, dictsqlite_text("turns"), 1, call, NULL, &error));
  do {
    OK(dictsqlite_queue_run(queue, -1, NULL, &error));
    OK(dictsqlite_queue_pending(queue, &count, &error));
  } while (count > 0);
  CHECK(turns == 5 && has(dict, "turns", "5"));

  FAILS(DICTSQLITE_INVALID, "callback is NULL",
        dictsqlite_len_async(dict, (dictsqlite_call){queue, NULL, NULL}, NULL, &error));
  dictsqlite_scan scan;
  OK(dictsqlite_scan_begin(dict, NULL, &scan, &error));
  OK(dictsqlite_scan_next_async(scan, to_last(), NULL, &error));
  dictsqlite_page page;
  dictsqlite_code code = dictsqlite_scan_next(scan, &page, NULL);
  CHECK(code == DICTSQLITE_INVALID || code == DICTSQLITE_OK); /* It may have come back already. */
  dictsqlite_page_free(&page);
  await();
  OK(dictsqlite_scan_close(scan, &error));
  OK(dictsqlite_close(dict, &error));
}

/* What is not accepted can be cancelled, and then never happens; everything is called back once. */
static void cancelling(const char *name_of_file) {
  dictsqlite_dict dict;
  OK(dictsqlite_open(path_to(name_of_file), OPTIONS({"buffer_size", "2"}, {"timeout", "120"}), &dict, &error));
  OK(dictsqlite_flush(dict, false, &error));
  dictsqlite_op op;
  bool cancelled;
  /* Done is done. */
  OK(dictsqlite_set_async(dict, dictsqlite_text("a"), dictsqlite_str("1"), DICTSQLITE_TTL_DEFAULT, to_last(), &op, &error));
  await();
  OK(dictsqlite_cancel(op, &cancelled, &error));
  CHECK(!cancelled);
  OK(dictsqlite_cancel((dictsqlite_op){queue.id, 999999}, NULL, &error));
  /* Behind a large batch there is time to think again. */
  enum { LARGE = 30000 };
  dictsqlite_pair *pairs = calloc(LARGE, sizeof *pairs);
  for (int i = 0; i < LARGE; i++) pairs[i] = (dictsqlite_pair){dictsqlite_integer(i), dictsqlite_str("large")};
  static kept batch;
  memset(&batch, 0, sizeof batch);
  dictsqlite_call call = {queue, keep, &batch};
  OK(dictsqlite_set_many_async(dict, (dictsqlite_pair_list){pairs, LARGE}, DICTSQLITE_TTL_NEVER, call, NULL, &error));
  OK(dictsqlite_incr_async(dict, dictsqlite_text("behind"), 1, to_last(), &op, &error));
  OK(dictsqlite_cancel(op, &cancelled, &error));
  CHECK(cancelled);
  free(pairs);
  for (int turn = 0; atomic_load(&last.calls) + atomic_load(&batch.calls) < 2; turn++) {
    CHECK(turn < 20000);
    if (queue.id) OK(dictsqlite_queue_run(queue, 10, NULL, &error)); else usleep(1000);
  }
  CHECK(last.code == DICTSQLITE_CANCELLED && batch.code == DICTSQLITE_OK && has(dict, "behind", NULL));

  /* Many at once: each is called back once, and what was cancelled did not happen. */
  enum { MANY = 200 };
  static kept results[MANY];
  static bool withdrawn[MANY];
  memset(results, 0, sizeof results);
  for (int i = 0; i < MANY; i++) {
    call.user_data = &results[i];
    char name[16];
    snprintf(name, sizeof name, "c%d", i);
    if (i % 2) {
      OK(dictsqlite_incr_async(dict, dictsqlite_text(name), 1, call, &op, &error));
    } else {
      OK(dictsqlite_get_async(dict, dictsqlite_text(name), call, &op, &error));
    }
    OK(dictsqlite_cancel(op, &withdrawn[i], &error));
  }
  int done = 0;
  for (int turn = 0; done < MANY; turn++) {
    CHECK(turn < 20000);
    if (queue.id) OK(dictsqlite_queue_run(queue, 10, NULL, &error)); else usleep(1000);
    done = 0;
    for (int i = 0; i < MANY; i++) done += atomic_load(&results[i].calls);
  }
  CHECK(done == MANY);
  for (int i = 0; i < MANY; i++) {
    CHECK((results[i].code == DICTSQLITE_CANCELLED) == withdrawn[i]);
    char name[16];
    snprintf(name, sizeof name, "c%d", i);
    if (i % 2) CHECK(has(dict, name, withdrawn[i] ? NULL : "1"));
  }
  OK(dictsqlite_close(dict, &error));
}

static void tests(void) {
  every_operation("callback.db");
  cancelling("callback-cancel.db");
  OK(dictsqlite_queue_open(&queue, &error));
  every_operation("queue.db");
  queues();
  cancelling("queue-cancel.db");
  dictsqlite_queue closed = queue;
  OK(dictsqlite_queue_close(queue, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_queue_close(closed, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_queue_run(closed, 0, NULL, &error));
  /* The library's thread ends when it has nothing to do, and is not missed by the leak check. */
  usleep(300000);
}
