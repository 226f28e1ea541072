/* The change log, streams of it and watches: in both forms, woken and closed by other threads, and misused. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static dictsqlite_queue queue;

static dictsqlite_key k(const char *text) { return dictsqlite_text(text); }
static dictsqlite_slice v(const char *text) { return dictsqlite_str(text); }

static void set(dictsqlite_dict dict, const char *key, const char *value) {
  OK(dictsqlite_set(dict, k(key), v(value), &error));
  OK(dictsqlite_flush(dict, false, &error));
}

static dictsqlite_dict logged(const char *name) {
  dictsqlite_dict dict;
  OK(dictsqlite_open(path_to(name), OPTIONS({"changes", "true"}), &dict, &error));
  return dict;
}

static dictsqlite_change_stream streamed(dictsqlite_dict dict) {
  dictsqlite_change_stream stream;
  OK(dictsqlite_changes_begin(dict, NULL, &stream, &error));
  return stream;
}

struct arrival {
  int calls;
  dictsqlite_code code;
  dictsqlite_change_page changes;
  dictsqlite_page page;
  int64_t number;
};

static void arrived(void *user_data, dictsqlite_result *result) {
  struct arrival *arrival = user_data;
  arrival->calls++;
  arrival->code = result->code;
  arrival->number = result->number;
  arrival->changes = result->changes;
  arrival->page = result->page;
  memset(&result->changes, 0, sizeof result->changes);
  memset(&result->page, 0, sizeof result->page);
}

#define LATER (dictsqlite_call){queue, arrived, &arrival}
#define AWAIT() \
  while (arrival.calls == 0) OK(dictsqlite_queue_run(queue, -1, NULL, &error))

static void pages(void) {
  dictsqlite_dict dict = opened("pages.db");
  bool is_on = true;
  OK(dictsqlite_has_changes(dict, &is_on, &error));
  CHECK(!is_on);
  dictsqlite_change_stream stream;
  FAILS(DICTSQLITE_INVALID, "logs its changes", dictsqlite_changes_begin(dict, NULL, &stream, &error));
  uint64_t count = 1000, age = 3600000, nothing = 0;
  OK(dictsqlite_enable_changes(dict, &count, &age, &error));
  OK(dictsqlite_enable_changes(dict, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "count is 0", dictsqlite_enable_changes(dict, &nothing, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "age is 0", dictsqlite_enable_changes(dict, NULL, &nothing, &error));
  struct arrival arrival = {0};
  OK(dictsqlite_enable_changes_async(dict, &count, NULL, LATER, NULL, &error));
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_OK);
  arrival = (struct arrival){0};
  OK(dictsqlite_has_changes_async(dict, LATER, NULL, &error));
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_OK && arrival.number == 1);

  stream = streamed(dict);
  dictsqlite_change_page page;
  OK(dictsqlite_changes_next(stream, 0, &page, &error));
  CHECK(page.len == 0);
  dictsqlite_key parts[] = {dictsqlite_integer(1), k("x")};
  OK(dictsqlite_set_ttl(dict, dictsqlite_tuple(parts, 2), v("one"), 3600000, &error));
  OK(dictsqlite_flush(dict, false, &error));
  OK(dictsqlite_changes_next(stream, -1, &page, &error));
  CHECK(page.len == 1 && page.items[0].kind == DICTSQLITE_CHANGE_INSERT && strcmp(page.items[0].table, "main") == 0);
  CHECK(strcmp(page.items[0].storage_mode, "bytes") == 0 && page.items[0].key.type == DICTSQLITE_KEY_TUPLE);
  CHECK(page.items[0].before.data == NULL && is(page.items[0].after, "one"));
  CHECK(page.items[0].expires_at > page.items[0].at && page.items[0].at > 0);
  int64_t first = page.items[0].seq, position;
  dictsqlite_change_page_free(&page);
  dictsqlite_change_page_free(&page);
  dictsqlite_change_page_free(NULL);
  OK(dictsqlite_changes_position(stream, &position, &error));
  CHECK(position >= first);

  set(dict, "k", "two");
  set(dict, "k", "");
  OK(dictsqlite_delete(dict, k("k"), &error));
  OK(dictsqlite_flush(dict, false, &error));
  const char *tables[] = {"main"};
  dictsqlite_key prefix = k("k");
  dictsqlite_changes_options options = {.since = &first, .tables = tables, .tables_len = 1, .prefix = &prefix};
  dictsqlite_change_stream again;
  OK(dictsqlite_changes_begin(dict, &options, &again, &error));
  OK(dictsqlite_changes_next(again, 5000, &page, &error));
  CHECK(page.len == 3 && page.items[1].kind == DICTSQLITE_CHANGE_UPDATE && page.items[2].kind == DICTSQLITE_CHANGE_DELETE);
  CHECK(is(page.items[1].before, "two") && is(page.items[1].after, "") && page.items[2].after.data == NULL);
  CHECK(page.items[0].seq < page.items[1].seq && page.items[1].seq < page.items[2].seq);
  /* A page outlives its stream. */
  OK(dictsqlite_changes_close(again, &error));
  CHECK(page.items[2].key.len == 1);
  dictsqlite_change_page_free(&page);
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_next(again, 0, &page, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_close(again, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_position(again, &position, &error));

  int64_t wrong = -1;
  options = (dictsqlite_changes_options){.since = &wrong};
  FAILS(DICTSQLITE_INVALID, "since is -1", dictsqlite_changes_begin(dict, &options, &again, &error));
  options = (dictsqlite_changes_options){.tables_len = 1};
  FAILS(DICTSQLITE_INVALID, "tables is NULL", dictsqlite_changes_begin(dict, &options, &again, &error));
  const char *none[] = {NULL};
  options.tables = none;
  FAILS(DICTSQLITE_INVALID, "name of a table is NULL", dictsqlite_changes_begin(dict, &options, &again, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_changes_begin(dict, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_changes_next(stream, 0, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_changes_position(stream, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_has_changes(dict, NULL, &error));

  /* With the dict its streams end. */
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_next(stream, -1, &page, &error));
  CHECK(page.len == 0);
  OK(dictsqlite_changes_close(stream, &error));
  FAILS(DICTSQLITE_CLOSED, "", dictsqlite_enable_changes(dict, NULL, NULL, &error));
}

static void truncated(void) {
  dictsqlite_dict dict = logged("truncated.db");
  uint64_t few = 5;
  OK(dictsqlite_enable_changes(dict, &few, NULL, &error));
  for (int i = 0; i < 50; i++) set(dict, "k", "v");
  int64_t early = 1;
  dictsqlite_changes_options options = {.since = &early};
  dictsqlite_change_stream stream;
  dictsqlite_error *error = NULL;
  dictsqlite_code code = DICTSQLITE_OK;
  /* The log is trimmed in the background. */
  for (int tries = 0; tries < 1000 && code == DICTSQLITE_OK; tries++) {
    code = dictsqlite_changes_begin(dict, &options, &stream, &error);
    if (code == DICTSQLITE_OK) OK(dictsqlite_changes_close(stream, &error));
    usleep(10000);
  }
  CHECK(code == DICTSQLITE_INVALID && dictsqlite_error_is_history_truncated(error));
  dictsqlite_error_free(&error);
  CHECK(!dictsqlite_error_is_history_truncated(NULL));
  OK(dictsqlite_close(dict, &error));
}

static void asynchronous(void) {
  dictsqlite_dict dict = logged("async.db");
  dictsqlite_change_stream stream = streamed(dict);
  int descriptor;
  OK(dictsqlite_queue_descriptor(queue, &descriptor, &error));
  struct arrival arrival = {0};
  dictsqlite_op op;
  OK(dictsqlite_changes_next_async(stream, LATER, &op, &error));
  set(dict, "k", "one");
  struct pollfd watched = {descriptor, POLLIN, 0};
  CHECK(poll(&watched, 1, 20000) == 1);
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_OK && arrival.changes.len == 1 && is(arrival.changes.items[0].after, "one"));
  dictsqlite_change_page_free(&arrival.changes);

  /* Cancelled, nothing is lost. */
  arrival = (struct arrival){0};
  bool cancelled;
  OK(dictsqlite_changes_next_async(stream, LATER, &op, &error));
  OK(dictsqlite_cancel(op, &cancelled, &error));
  CHECK(cancelled);
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_CANCELLED);
  set(dict, "k", "two");
  dictsqlite_change_page page;
  OK(dictsqlite_changes_next(stream, -1, &page, &error));
  CHECK(page.len == 1 && is(page.items[0].after, "two"));
  dictsqlite_change_page_free(&page);

  /* Who waits when it is closed is told. */
  arrival = (struct arrival){0};
  OK(dictsqlite_changes_next_async(stream, LATER, NULL, &error));
  OK(dictsqlite_changes_close(stream, &error));
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_CLOSED);
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_next_async(stream, LATER, NULL, &error));
  OK(dictsqlite_close(dict, &error));
}

static void *waits(void *stream) {
  dictsqlite_change_page page;
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_changes_next(*(dictsqlite_change_stream *)stream, -1, &page, &error));
  return NULL;
}

static void threads(void) {
  dictsqlite_dict dict = logged("threads.db");
  dictsqlite_change_stream stream = streamed(dict);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, waits, &stream) == 0);
  usleep(50000);
  OK(dictsqlite_changes_close(stream, &error));
  CHECK(pthread_join(thread, NULL) == 0);
  stream = streamed(dict);
  CHECK(pthread_create(&thread, NULL, waits, &stream) == 0);
  usleep(50000);
  OK(dictsqlite_close(dict, &error));
  CHECK(pthread_join(thread, NULL) == 0);
  OK(dictsqlite_changes_close(stream, &error));
}

static void watches(void) {
  dictsqlite_dict dict = opened("watches.db");
  set(dict, "a", "1");
  dictsqlite_key keys[] = {k("a"), dictsqlite_integer(2)};
  dictsqlite_key_list both = {keys, 2}, none = {NULL, 0};
  dictsqlite_watch watch, wrong;
  dictsqlite_page page;
  OK(dictsqlite_watch_begin(dict, both, NULL, &watch, &error));
  OK(dictsqlite_watch_next(watch, -1, &page, &error));
  CHECK(page.len == 2 && is(page.items[0].value, "1") && page.items[0].version > 0);
  CHECK(page.items[1].key.integer == 2 && page.items[1].value.data == NULL && page.items[1].version == 0);
  dictsqlite_page_free(&page);
  OK(dictsqlite_watch_next(watch, 0, &page, &error));
  CHECK(page.len == 0);
  set(dict, "other", "1");
  set(dict, "a", "2");
  set(dict, "a", "");
  OK(dictsqlite_watch_next(watch, 5000, &page, &error));
  CHECK(page.len == 1 && is(page.items[0].value, ""));
  dictsqlite_page_free(&page);
  struct arrival arrival = {0};
  OK(dictsqlite_watch_next_async(watch, LATER, NULL, &error));
  OK(dictsqlite_delete(dict, k("a"), &error));
  OK(dictsqlite_flush(dict, false, &error));
  AWAIT();
  CHECK(arrival.code == DICTSQLITE_OK && arrival.page.len == 1 && arrival.page.items[0].value.data == NULL);
  dictsqlite_page_free(&arrival.page);
  OK(dictsqlite_watch_close(watch, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_watch_close(watch, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_watch_next(watch, 0, &page, &error));

  FAILS(DICTSQLITE_INVALID, "keys or a prefix", dictsqlite_watch_begin(dict, both, keys, &wrong, &error));
  FAILS(DICTSQLITE_INVALID, "log", dictsqlite_watch_begin(dict, none, keys, &wrong, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_watch_begin(dict, both, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "keys is NULL", dictsqlite_watch_begin(dict, (dictsqlite_key_list){NULL, 1}, NULL, &wrong, &error));
  OK(dictsqlite_enable_changes(dict, NULL, NULL, &error));
  OK(dictsqlite_watch_begin(dict, none, NULL, &watch, &error));
  OK(dictsqlite_watch_next(watch, -1, &page, &error));
  CHECK(page.len == 1 && is(page.items[0].value, "1"));
  dictsqlite_page_free(&page);
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_watch_next(watch, -1, &page, &error));
  OK(dictsqlite_watch_close(watch, &error));
}

static void tests(void) {
  OK(dictsqlite_queue_open(&queue, &error));
  pages();
  truncated();
  asynchronous();
  threads();
  watches();
  OK(dictsqlite_queue_close(queue, &error));
}
