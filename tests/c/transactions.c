/* Transactions and atomic writes: every function, in both forms, and what goes wrong. */
#include "check.h"
#include <pthread.h>
#include <unistd.h>

static dictsqlite_queue queue;
static dictsqlite_result last;

static void arrived(void *user_data, dictsqlite_result *result) {
  *(int *)user_data += 1;
  last = *result;
  memset(result, 0, sizeof *result);
}

static void forget(void) {
  dictsqlite_value_free(&last.value);
  dictsqlite_entry_free(&last.entry);
  dictsqlite_page_free(&last.page);
  dictsqlite_change_page_free(&last.changes);
  dictsqlite_error_free(&last.error);
  memset(&last, 0, sizeof last);
}

/* Begins an operation whose last arguments are `LATER`, and waits for its end. */
#define LATER (dictsqlite_call){queue, arrived, &calls}, NULL, &error
#define AWAIT(begun)                                     \
  do {                                                   \
    int calls = 0;                                       \
    forget();                                            \
    OK(begun);                                           \
    while (calls == 0) OK(dictsqlite_queue_run(queue, -1, NULL, &error)); \
    CHECK(calls == 1);                                   \
  } while (0)
#define AWAIT_OK(begun)                                  \
  do {                                                   \
    AWAIT(begun);                                        \
    CHECK(last.code == DICTSQLITE_OK && last.error == NULL); \
  } while (0)

static dictsqlite_key k(const char *text) { return dictsqlite_text(text); }
static dictsqlite_slice v(const char *text) { return dictsqlite_str(text); }

static dictsqlite_tx begun(dictsqlite_dict dict) {
  dictsqlite_tx tx;
  OK(dictsqlite_tx_begin(dict, NULL, &tx, &error));
  return tx;
}

static void waiting_form(void) {
  dictsqlite_dict dict = opened("waiting.db");
  OK(dictsqlite_set(dict, k("a"), v("10"), &error));
  dictsqlite_tx tx = begun(dict);
  CHECK(dictsqlite_tx_is_open(tx));
  dictsqlite_value value;
  OK(dictsqlite_tx_get(tx, k("a"), &value, &error));
  CHECK(holds(&value, "10"));
  dictsqlite_value_free(&value);
  OK(dictsqlite_tx_get(tx, k("nobody"), &value, &error));
  CHECK(value.data == NULL);
  int64_t sum;
  OK(dictsqlite_tx_incr(tx, k("a"), -3, &sum, &error));
  CHECK(sum == 7);
  OK(dictsqlite_tx_set(tx, k("b"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  uint64_t mark, count;
  OK(dictsqlite_tx_savepoint(tx, &mark, &error));
  bool found;
  OK(dictsqlite_tx_remove(tx, k("b"), &found, &error));
  CHECK(found);
  OK(dictsqlite_tx_delete(tx, k("a"), &error));
  OK(dictsqlite_tx_len(tx, &count, &error));
  CHECK(count == 0);
  OK(dictsqlite_tx_rollback_to(tx, mark, &error));
  OK(dictsqlite_tx_release(tx, mark, &error));
  FAILS(DICTSQLITE_INVALID, "no such savepoint", dictsqlite_tx_rollback_to(tx, mark, &error));
  FAILS(DICTSQLITE_INVALID, "no such savepoint", dictsqlite_tx_release(tx, 77, &error));
  OK(dictsqlite_tx_contains(tx, k("b"), &found, &error));
  CHECK(found);
  dictsqlite_entry entry;
  OK(dictsqlite_tx_set_default(tx, k("b"), v("2"), DICTSQLITE_TTL_DEFAULT, &entry, &error));
  CHECK(holds(&entry.value, "1") && entry.version == 0);
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_tx_expire(tx, k("b"), 60000, &found, &error));
  CHECK(found);
  OK(dictsqlite_tx_get_entry(tx, k("b"), &entry, &error));
  CHECK(entry.expires_at > 0);
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_tx_set(tx, k("gone"), v("3"), DICTSQLITE_TTL_NEVER, &error));
  OK(dictsqlite_tx_pop(tx, k("gone"), &entry, &error));
  CHECK(holds(&entry.value, "3"));
  dictsqlite_entry_free(&entry);
  dictsqlite_scan scan;
  dictsqlite_page page;
  OK(dictsqlite_tx_scan_begin(tx, NULL, &scan, &error));
  size_t rows = 0;
  for (bool more = true; more;) {
    OK(dictsqlite_scan_next(scan, &page, &error));
    more = page.len > 0;
    for (size_t i = 0; i < page.len; i++) CHECK(is(page.items[i].value, rows++ == 0 ? "7" : "1"));
    dictsqlite_page_free(&page);
  }
  CHECK(rows == 2);
  OK(dictsqlite_scan_close(scan, &error));
  dictsqlite_tx other;
  OK(dictsqlite_tx_table(tx, "other", "json", &other, &error));
  OK(dictsqlite_tx_set(other, k("j"), v("[1]"), DICTSQLITE_TTL_DEFAULT, &error));
  FAILS(DICTSQLITE_CODEC, "JSON", dictsqlite_tx_set(other, k("j"), v("["), DICTSQLITE_TTL_DEFAULT, &error));
  CHECK(has(dict, "a", "10") && has(dict, "b", NULL));
  int64_t version;
  OK(dictsqlite_tx_commit(tx, &version, &error));
  CHECK(version > 0 && has(dict, "a", "7") && has(dict, "b", "1"));
  CHECK(!dictsqlite_tx_is_open(tx));

  /* It is over, and its handles are still to be closed. */
  FAILS(DICTSQLITE_CLOSED, "over", dictsqlite_tx_get(tx, k("a"), &value, &error));
  FAILS(DICTSQLITE_CLOSED, "over", dictsqlite_tx_commit(tx, NULL, &error));
  FAILS(DICTSQLITE_CLOSED, "over", dictsqlite_tx_rollback(other, &error));
  OK(dictsqlite_tx_close(other, &error));
  OK(dictsqlite_tx_close(tx, &error));
  FAILS(DICTSQLITE_CLOSED, "transaction is closed", dictsqlite_tx_close(tx, &error));
  FAILS(DICTSQLITE_CLOSED, "transaction is closed", dictsqlite_tx_get(tx, k("a"), &value, &error));
  CHECK(!dictsqlite_tx_is_open(tx));

  tx = begun(dict);
  OK(dictsqlite_tx_clear(tx, &count, &error));
  CHECK(count == 2);
  OK(dictsqlite_tx_rollback(tx, &error));
  OK(dictsqlite_tx_close(tx, &error));
  tx = begun(dict);
  OK(dictsqlite_tx_set(tx, k("never"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_tx_close(tx, &error)); /* Rolls back. */
  CHECK(has(dict, "never", NULL) && has(dict, "a", "7"));
  OK(dictsqlite_close(dict, &error));
}

static void async_form(void) {
  dictsqlite_dict dict = opened("async.db");
  OK(dictsqlite_set(dict, k("a"), v("10"), &error));
  AWAIT_OK(dictsqlite_tx_begin_async(dict, NULL, LATER));
  dictsqlite_tx tx = last.tx;
  AWAIT_OK(dictsqlite_tx_get_async(tx, k("a"), LATER));
  CHECK(holds(&last.value, "10"));
  AWAIT_OK(dictsqlite_tx_contains_async(tx, k("b"), LATER));
  CHECK(last.number == 0);
  AWAIT_OK(dictsqlite_tx_incr_async(tx, k("a"), 1, LATER));
  CHECK(last.number == 11);
  AWAIT_OK(dictsqlite_tx_set_default_async(tx, k("b"), v("1"), DICTSQLITE_TTL_DEFAULT, LATER));
  CHECK(last.entry.value.data == NULL);
  AWAIT_OK(dictsqlite_tx_expire_async(tx, k("b"), 60000, LATER));
  CHECK(last.number == 1);
  AWAIT_OK(dictsqlite_tx_get_entry_async(tx, k("b"), LATER));
  CHECK(last.entry.expires_at > 0);
  AWAIT_OK(dictsqlite_tx_len_async(tx, LATER));
  CHECK(last.number == 2);
  AWAIT_OK(dictsqlite_tx_pop_async(tx, k("b"), LATER));
  CHECK(holds(&last.entry.value, "1"));
  AWAIT_OK(dictsqlite_tx_remove_async(tx, k("b"), LATER));
  CHECK(last.number == 0);
  AWAIT_OK(dictsqlite_tx_table_async(tx, "other", NULL, LATER));
  dictsqlite_tx other = last.tx;
  OK(dictsqlite_tx_set(other, k("x"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  AWAIT_OK(dictsqlite_tx_clear_async(other, LATER));
  CHECK(last.number == 1);
  dictsqlite_scan scan;
  OK(dictsqlite_tx_scan_begin(tx, NULL, &scan, &error));
  AWAIT_OK(dictsqlite_scan_next_async(scan, LATER));
  CHECK(last.page.len == 1 && is(last.page.items[0].value, "11"));
  AWAIT_OK(dictsqlite_scan_next_async(scan, LATER));
  CHECK(last.page.len == 0);
  OK(dictsqlite_scan_close(scan, &error));
  AWAIT_OK(dictsqlite_tx_commit_async(tx, LATER));
  CHECK(last.number > 0 && has(dict, "a", "11"));
  AWAIT(dictsqlite_tx_get_async(tx, k("a"), LATER));
  CHECK(last.code == DICTSQLITE_CLOSED);
  OK(dictsqlite_tx_close(other, &error));
  OK(dictsqlite_tx_close(tx, &error));

  /* Of what cannot begin nobody is called. */
  int calls = 0;
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_tx_get_async(tx, k("a"), LATER));
  FAILS(DICTSQLITE_INVALID, "callback", dictsqlite_tx_begin_async(dict, NULL, (dictsqlite_call){queue, NULL, NULL}, NULL, &error));
  CHECK(calls == 0);
  forget();
  OK(dictsqlite_close(dict, &error));
}

static void conflicts(void) {
  dictsqlite_dict dict = opened("conflicts.db");
  OK(dictsqlite_set(dict, k("a"), v("1"), &error));
  dictsqlite_tx first = begun(dict), second = begun(dict);
  int64_t sum;
  OK(dictsqlite_tx_incr(first, k("a"), 1, &sum, &error));
  OK(dictsqlite_tx_incr(second, k("a"), 10, &sum, &error));
  OK(dictsqlite_tx_commit(first, NULL, &error));
  dictsqlite_error *error = NULL;
  CHECK(dictsqlite_tx_commit(second, NULL, &error) == DICTSQLITE_CONFLICT);
  dictsqlite_key key;
  CHECK(dictsqlite_error_key(error, &key) && key.len == 1 && memcmp(key.data, "a", 1) == 0);
  CHECK(dictsqlite_error_is_transient(error) && !dictsqlite_error_is_history_truncated(error));
  dictsqlite_error_free(&error);
  CHECK(has(dict, "a", "2"));
  OK(dictsqlite_tx_close(first, &error));
  OK(dictsqlite_tx_close(second, &error));
  OK(dictsqlite_close(dict, &error));
}

static void modes(void) {
  dictsqlite_dict dict = opened("modes.db");
  dictsqlite_tx tx, another;
  dictsqlite_tx_options options = {0};
  options.mode = DICTSQLITE_TX_READ;
  OK(dictsqlite_tx_begin(dict, &options, &tx, &error));
  FAILS(DICTSQLITE_READ_ONLY, "only reads", dictsqlite_tx_set(tx, k("a"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  FAILS(DICTSQLITE_INVALID, "no table", dictsqlite_tx_table(tx, "nowhere", NULL, &another, &error));
  OK(dictsqlite_tx_close(tx, &error));

  /* While its immediate transaction is open, a thread does not use the dict beside it. */
  options.mode = DICTSQLITE_TX_IMMEDIATE;
  OK(dictsqlite_tx_begin(dict, &options, &tx, &error));
  FAILS(DICTSQLITE_INVALID, "transaction", dictsqlite_set(dict, k("a"), v("1"), &error));
  FAILS(DICTSQLITE_INVALID, "transaction", dictsqlite_tx_begin(dict, &options, &another, &error));
  CHECK(another.id == 0);
  OK(dictsqlite_tx_set(tx, k("a"), v("2"), DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_tx_commit(tx, NULL, &error));
  CHECK(has(dict, "a", "2"));
  OK(dictsqlite_tx_close(tx, &error));

  options.max_hold = 50;
  OK(dictsqlite_tx_begin(dict, &options, &tx, &error));
  OK(dictsqlite_tx_set(tx, k("a"), v("3"), DICTSQLITE_TTL_DEFAULT, &error));
  usleep(80000);
  FAILS(DICTSQLITE_TIMEOUT, "max_hold", dictsqlite_tx_commit(tx, NULL, &error));
  OK(dictsqlite_tx_close(tx, &error));
  CHECK(has(dict, "a", "2"));

  options = (dictsqlite_tx_options){.mode = 7};
  FAILS(DICTSQLITE_INVALID, "mode is 7", dictsqlite_tx_begin(dict, &options, &tx, &error));
  options = (dictsqlite_tx_options){.isolation = 9};
  FAILS(DICTSQLITE_INVALID, "isolation is 9", dictsqlite_tx_begin(dict, &options, &tx, &error));
  OK(dictsqlite_close(dict, &error));
}

struct lent {
  dictsqlite_dict dict;
  dictsqlite_tx tx;
};

static void *elsewhere(void *argument) {
  struct lent *lent = argument;
  dictsqlite_value value;
  FAILS(DICTSQLITE_INVALID, "belongs to the thread", dictsqlite_tx_get(lent->tx, k("a"), &value, &error));
  FAILS(DICTSQLITE_INVALID, "belongs to the thread", dictsqlite_tx_commit(lent->tx, NULL, &error));
  /* Nobody else's writes join in. */
  OK(dictsqlite_set(lent->dict, k("theirs"), v("1"), &error));
  return NULL;
}

static void *anywhere(void *argument) {
  struct lent *lent = argument;
  OK(dictsqlite_tx_set(lent->tx, k("moved"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_tx_commit(lent->tx, NULL, &error));
  return NULL;
}

static void *closes(void *argument) {
  OK(dictsqlite_tx_close(((struct lent *)argument)->tx, &error));
  return NULL;
}

static void on_thread(void *(*function)(void *), struct lent *lent) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, function, lent) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void threads(void) {
  struct lent lent = {opened("threads.db"), {0}};
  lent.tx = begun(lent.dict);
  OK(dictsqlite_tx_set(lent.tx, k("mine"), v("1"), DICTSQLITE_TTL_DEFAULT, &error));
  on_thread(elsewhere, &lent);
  OK(dictsqlite_tx_rollback(lent.tx, &error));
  CHECK(has(lent.dict, "theirs", "1") && has(lent.dict, "mine", NULL));
  on_thread(closes, &lent);
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_tx_close(lent.tx, &error));
  AWAIT_OK(dictsqlite_tx_begin_async(lent.dict, NULL, LATER));
  lent.tx = last.tx;
  on_thread(anywhere, &lent);
  CHECK(has(lent.dict, "moved", "1"));
  OK(dictsqlite_tx_close(lent.tx, &error));
  /* Left open by its thread, an immediate one gives the lock back when another one closes it. */
  dictsqlite_tx_options options = {.mode = DICTSQLITE_TX_IMMEDIATE};
  OK(dictsqlite_tx_begin(lent.dict, &options, &lent.tx, &error));
  on_thread(closes, &lent);
  OK(dictsqlite_set(lent.dict, k("after"), v("1"), &error));
  forget();
  OK(dictsqlite_close(lent.dict, &error));
}

static void atomic(void) {
  dictsqlite_dict dict = opened("atomic.db");
  OK(dictsqlite_set(dict, k("stock"), v("3"), &error));
  dictsqlite_entry entry;
  OK(dictsqlite_get_entry(dict, k("stock"), &entry, &error));
  int64_t seen = entry.version, version;
  dictsqlite_entry_free(&entry);
  dictsqlite_check checks[] = {dictsqlite_check_key(k("stock"), seen), dictsqlite_check_key(k("order"), 0)};
  dictsqlite_write writes[] = {dictsqlite_write_incr(k("stock"), -1), dictsqlite_write_set(k("order"), v("Ada")),
                               dictsqlite_write_delete(k("nobody"))};
  dictsqlite_check_list must = {checks, 2};
  dictsqlite_write_list all = {writes, 3};
  OK(dictsqlite_atomic(dict, must, all, &version, &error));
  CHECK(version > seen && has(dict, "stock", "2") && has(dict, "order", "Ada"));
  FAILS(DICTSQLITE_CONFLICT, "", dictsqlite_atomic(dict, must, all, NULL, &error));
  CHECK(has(dict, "stock", "2"));
  AWAIT(dictsqlite_atomic_async(dict, must, all, LATER));
  CHECK(last.code == DICTSQLITE_CONFLICT);
  dictsqlite_check_list none = {NULL, 0};
  writes[1].ttl = 60000;
  AWAIT_OK(dictsqlite_atomic_async(dict, none, all, LATER));
  CHECK(last.number > version && has(dict, "stock", "1"));
  OK(dictsqlite_get_entry(dict, k("order"), &entry, &error));
  CHECK(entry.expires_at > 0);
  dictsqlite_entry_free(&entry);

  FAILS(DICTSQLITE_INVALID, "checks is NULL", dictsqlite_atomic(dict, (dictsqlite_check_list){NULL, 1}, all, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "writes is NULL", dictsqlite_atomic(dict, none, (dictsqlite_write_list){NULL, 1}, NULL, &error));
  writes[1].ttl = -5;
  FAILS(DICTSQLITE_INVALID, "ttl is -5", dictsqlite_atomic(dict, none, all, NULL, &error));
  writes[1].type = 9;
  FAILS(DICTSQLITE_INVALID, "type of a write is 9", dictsqlite_atomic(dict, none, all, NULL, &error));
  CHECK(has(dict, "stock", "1"));
  forget();
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_atomic(dict, none, (dictsqlite_write_list){NULL, 0}, NULL, &error));
}

static void misuse(void) {
  dictsqlite_dict dict = opened("misuse.db");
  dictsqlite_tx tx = begun(dict);
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_begin(dict, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_get(tx, k("a"), NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_contains(tx, k("a"), NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_get_entry(tx, k("a"), NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_len(tx, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_pop(tx, k("a"), NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_incr(tx, k("a"), 1, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_clear(tx, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_savepoint(tx, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_tx_scan_begin(tx, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "name is NULL", dictsqlite_tx_table(tx, NULL, NULL, &(dictsqlite_tx){0}, &error));
  FAILS(DICTSQLITE_KEY_TYPE, "UTF-8", dictsqlite_tx_delete(tx, k("\xff"), &error));
  FAILS(DICTSQLITE_INVALID, "value is NULL",
        dictsqlite_tx_set(tx, k("a"), dictsqlite_data(NULL, 1), DICTSQLITE_TTL_DEFAULT, &error));
  FAILS(DICTSQLITE_INVALID, "ttl is 0", dictsqlite_tx_set(tx, k("a"), v("1"), 0, &error));
  dictsqlite_tx wrong[4] = {{0}, {1}, {UINT64_MAX}, {tx.id + ((uint64_t)1 << 32)}};
  for (int i = 0; i < 4; i++) {
    FAILS(DICTSQLITE_CLOSED, i == 0 ? "never opened" : "closed", dictsqlite_tx_close(wrong[i], &error));
    FAILS(DICTSQLITE_CLOSED, "transaction", dictsqlite_tx_rollback(wrong[i], &error));
    CHECK(!dictsqlite_tx_is_open(wrong[i]));
  }
  /* The scan outlives the handle, but not the transaction. */
  dictsqlite_scan scan;
  dictsqlite_page page;
  OK(dictsqlite_tx_scan_begin(tx, NULL, &scan, &error));
  OK(dictsqlite_tx_close(tx, &error));
  FAILS(DICTSQLITE_CLOSED, "over", dictsqlite_scan_next(scan, &page, &error));
  OK(dictsqlite_scan_close(scan, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_tx_scan_begin(tx, NULL, &scan, &error));
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_tx_begin(dict, NULL, &tx, &error));
}

static void tests(void) {
  OK(dictsqlite_queue_open(&queue, &error));
  waiting_form();
  async_form();
  conflicts();
  modes();
  threads();
  atomic();
  misuse();
  OK(dictsqlite_queue_close(queue, &error));
}
