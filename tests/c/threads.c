/* Many threads with one handle, with handles of their own, and with one that is closed under them. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 400 };

static dictsqlite_dict shared;
static atomic_bool closing;
static atomic_int refused;

static void *count(void *mine) {
  char name[32];
  int64_t sum;
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(name, sizeof name, "t%d:%d", (int)(intptr_t)mine, i);
    OK(dictsqlite_set(shared, dictsqlite_text(name), dictsqlite_str(name), &error));
    CHECK(has(shared, name, name));
    if (i % 8 == 0) OK(dictsqlite_incr(shared, dictsqlite_text("sum"), 1, &sum, &error));
  }
  return NULL;
}

static void *use_until_closed(void *unused) {
  (void)unused;
  for (;;) {
    dictsqlite_value value;
    dictsqlite_error *error = NULL;
    dictsqlite_code code = dictsqlite_get(shared, dictsqlite_text("sum"), &value, &error);
    dictsqlite_value_free(&value);
    if (code == DICTSQLITE_OK) continue;
    CHECK(code == DICTSQLITE_CLOSED && atomic_load(&closing));
    dictsqlite_error_free(&error);
    return NULL;
  }
}

static void *close_it(void *unused) {
  (void)unused;
  dictsqlite_code code = dictsqlite_close(shared, NULL);
  CHECK(code == DICTSQLITE_OK || code == DICTSQLITE_CLOSED);
  atomic_fetch_add(&refused, code == DICTSQLITE_CLOSED);
  return NULL;
}

static void *open_and_close(void *unused) {
  (void)unused;
  for (int i = 0; i < 40; i++) {
    dictsqlite_dict mine = opened("threads.db");
    CHECK(has(mine, "sum", "400"));
    OK(dictsqlite_close(mine, &error));
    FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_flush(mine, false, &error));
  }
  return NULL;
}

static void together(void *(*body)(void *)) {
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void tests(void) {
  shared = opened("threads.db");
  together(count);
  CHECK(has(shared, "sum", "400"));
  uint64_t entries;
  OK(dictsqlite_len(shared, &entries, &error));
  CHECK(entries == THREADS * ROUNDS + 1);
  together(open_and_close);

  pthread_t users[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&users[i], NULL, use_until_closed, NULL) == 0);
  usleep(20000);
  atomic_store(&closing, true);
  together(close_it);
  for (int i = 0; i < THREADS; i++) pthread_join(users[i], NULL);
  /* Closing while it is being closed by another thread may succeed as well. */
  CHECK(!dictsqlite_is_open(shared) && atomic_load(&refused) < THREADS);
}
