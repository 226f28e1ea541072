/* Work on whole files: what it does, how it is cancelled, and that nothing is left then. */
#include "check.h"
#include <dirent.h>
#include <unistd.h>

static dictsqlite_dict filled(const char *name) {
  dictsqlite_dict dict = opened(name);
  char text[100];
  memset(text, 'v', sizeof text);
  for (int64_t n = 0; n < 300; n++)
    OK(dictsqlite_set(dict, dictsqlite_integer(n), dictsqlite_data(text, sizeof text), &error));
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("one"), &error));
  return dict;
}

/* How many files in the directory begin so. */
static int files(const char *prefix) {
  int count = 0;
  DIR *dir = opendir(directory);
  CHECK(dir != NULL);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
  closedir(dir);
  return count;
}

/* What a callback was told, and when it gives up. */
struct told {
  int calls, limit;
  uint64_t done, total;
};

static int tell(void *user_data, uint64_t done, uint64_t total) {
  struct told *told = user_data;
  /* Long enough for the next step to be told as well. */
  if (told->limit > 1) usleep(60000);
  told->done = done;
  told->total = total;
  return ++told->calls == told->limit;
}

/* What came of an asynchronous operation. */
static struct came {
  dictsqlite_code code;
  int64_t number;
  dictsqlite_imported imported;
  dictsqlite_warmed warmed;
  dictsqlite_vacuumed vacuumed;
  dictsqlite_checkpointed checkpointed;
  size_t problems;
} came;

static void arrived(void *user_data, dictsqlite_result *result) {
  (void)user_data;
  came = (struct came){result->code,     result->number,   result->imported,     result->warmed,
                       result->vacuumed, result->checkpointed, result->problems.len};
}

static dictsqlite_queue queue;
#define AWAITED(begun)                                          \
  do {                                                          \
    const dictsqlite_call call = {queue, arrived, NULL};        \
    uint64_t pending;                                           \
    OK(begun);                                                  \
    do {                                                        \
      OK(dictsqlite_queue_run(queue, -1, NULL, &error));        \
      OK(dictsqlite_queue_pending(queue, &pending, &error));    \
    } while (pending);                                          \
  } while (0)

static void backups(void) {
  dictsqlite_dict dict = filled("a.db");
  char copy[4096], other[4096];
  snprintf(copy, sizeof copy, "%s", path_to("copy.db"));
  snprintf(other, sizeof other, "%s", path_to("other.db"));
  struct told told = {0};
  dictsqlite_backup_options options = {.progress = {tell, &told}};
  uint64_t bytes, again;
  OK(dictsqlite_backup(dict, copy, &options, &bytes, &error));
  CHECK(bytes > 30000 && told.calls >= 2 && told.done == told.total && told.total > 0);
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("two"), &error));

  FAILS(DICTSQLITE_INVALID, "copy.db", dictsqlite_backup(dict, copy, NULL, &again, &error));
  CHECK(again == 0);
  options = (dictsqlite_backup_options){.overwrite = true};
  AWAITED(dictsqlite_backup_async(dict, copy, &options, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.number == (int64_t)bytes);
  FAILS(DICTSQLITE_INVALID, "there is no directory", dictsqlite_backup(dict, path_to("no/copy.db"), NULL, &bytes, &error));
  FAILS(DICTSQLITE_INVALID, "itself", dictsqlite_backup(dict, path_to("a.db"), &options, &bytes, &error));
  FAILS(DICTSQLITE_INVALID, "dest", dictsqlite_backup(dict, NULL, &options, &bytes, &error));
  FAILS(DICTSQLITE_INVALID, "names no file", dictsqlite_backup(dict, "/", &options, &bytes, &error));
  CHECK(dictsqlite_backup(dict, "", &options, &bytes, NULL) == DICTSQLITE_INVALID);
  CHECK(dictsqlite_backup(dict, other, NULL, NULL, NULL) == DICTSQLITE_INVALID);
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "", dictsqlite_backup(dict, other, NULL, &bytes, &error));

  /* Restored, it is what it was. */
  told = (struct told){0};
  dictsqlite_restore_options how = {.timeout = 100, .progress = {tell, &told}};
  OK(dictsqlite_restore(copy, other, &how, &again, &error));
  CHECK(again > 30000 && told.calls >= 2);
  FAILS(DICTSQLITE_INVALID, "other.db", dictsqlite_restore(copy, other, NULL, &again, &error));
  dict = opened("other.db");
  CHECK(has(dict, "k", "two"));
  how.overwrite = true;
  FAILS(DICTSQLITE_BUSY, "other.db", dictsqlite_restore(copy, other, &how, &again, &error));
  OK(dictsqlite_close(dict, &error));
  AWAITED(dictsqlite_restore_async(copy, other, &how, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.number > 30000);
  FAILS(DICTSQLITE_IO, "nothing.db", dictsqlite_restore(path_to("nothing.db"), other, &how, &again, &error));
}

static void cancelled(void) {
  dictsqlite_dict dict = filled("b.db");
  uint64_t got;
  /* Copied in several pieces. */
  void *large = calloc(1, 4 << 20);
  CHECK(large != NULL);
  OK(dictsqlite_set(dict, dictsqlite_text("large"), dictsqlite_data(large, 4 << 20), &error));
  free(large);
  dictsqlite_checkpointed moved;
  OK(dictsqlite_checkpoint(dict, &moved, &error));
  for (int limit = 1; limit <= 3; limit++) {
    /* Before anything is done, and in the middle. */
    struct told told = {.limit = limit};
    dictsqlite_backup_options options = {.progress = {tell, &told}};
    FAILS(DICTSQLITE_CANCELLED, "left nothing", dictsqlite_backup(dict, path_to("given-up"), &options, &got, &error));
    CHECK(told.calls == limit && files("given-up") == 0);
  }
  struct told told = {.limit = 1};
  dictsqlite_export_options options = {.progress = {tell, &told}};
  FAILS(DICTSQLITE_CANCELLED, "", dictsqlite_export(dict, path_to("given-up"), &options, &got, &error));
  CHECK(files("given-up") == 0);
  const dictsqlite_progress progress = {tell, &told};
  dictsqlite_warmed warmed;
  told.calls = 0;
  FAILS(DICTSQLITE_CANCELLED, "", dictsqlite_warm(dict, NULL, &progress, &warmed, &error));
  CHECK(warmed.read == 0);
  told.calls = 0;
  dictsqlite_restore_options how = {.progress = progress};
  OK(dictsqlite_backup(dict, path_to("whole.db"), NULL, &got, &error));
  char whole[4096];
  snprintf(whole, sizeof whole, "%s", path_to("whole.db"));
  FAILS(DICTSQLITE_CANCELLED, "", dictsqlite_restore(whole, path_to("given-up"), &how, &got, &error));
  CHECK(files("given-up") == 0);
  OK(dictsqlite_close(dict, &error));
}

/* Stops the operation until it was cancelled. */
static int hold(void *user_data, uint64_t done, uint64_t total) {
  (void)done, (void)total;
  while (!*(volatile bool *)user_data) usleep(1000);
  return 0;
}

static void cancelled_from_outside(void) {
  dictsqlite_dict dict = filled("c.db");
  volatile bool go_on = false;
  dictsqlite_backup_options options = {.progress = {hold, (void *)&go_on}};
  const dictsqlite_call call = {queue, arrived, NULL};
  dictsqlite_op op;
  OK(dictsqlite_backup_async(dict, path_to("stopped"), &options, call, &op, &error));
  bool done;
  OK(dictsqlite_cancel(op, &done, &error));
  CHECK(done);
  go_on = true;
  OK(dictsqlite_queue_run(queue, -1, NULL, &error));
  CHECK(came.code == DICTSQLITE_CANCELLED && files("stopped") == 0);
  OK(dictsqlite_cancel(op, &done, &error));
  CHECK(!done);
  OK(dictsqlite_close(dict, &error));
}

static void exports(void) {
  dictsqlite_dict dict = filled("d.db"), docs, into;
  OK(dictsqlite_open_table(dict, "docs", "json", &docs, &error));
  OK(dictsqlite_set(docs, dictsqlite_text("a"), dictsqlite_str("[1]"), &error));
  char lines[4096], all[4096];
  snprintf(lines, sizeof lines, "%s", path_to("main.jsonl"));
  snprintf(all, sizeof all, "%s", path_to("all.bin"));
  const dictsqlite_key prefix = dictsqlite_text("k");
  const char *const tables[] = {"docs", "main"};
  uint64_t count;
  OK(dictsqlite_export(dict, lines, NULL, &count, &error));
  CHECK(count == 301);
  dictsqlite_export_options options = {.prefix = &prefix, .overwrite = true};
  OK(dictsqlite_export(dict, lines, &options, &count, &error));
  CHECK(count == 1);
  options = (dictsqlite_export_options){.tables = tables, .tables_len = 1, .overwrite = true};
  AWAITED(dictsqlite_export_async(dict, lines, &options, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.number == 1);
  struct told told = {0};
  options = (dictsqlite_export_options){DICTSQLITE_EXPORT_BINARY, .all_tables = true, .progress = {tell, &told}};
  OK(dictsqlite_export(dict, all, &options, &count, &error));
  CHECK(count == 302 && told.done == 302);
  FAILS(DICTSQLITE_INVALID, "all.bin", dictsqlite_export(dict, all, &options, &count, &error));
  options.format = 7;
  FAILS(DICTSQLITE_INVALID, "format is 7", dictsqlite_export(dict, all, &options, &count, &error));
  options = (dictsqlite_export_options){.tables_len = 1};
  FAILS(DICTSQLITE_INVALID, "tables is NULL", dictsqlite_export(dict, all, &options, &count, &error));

  into = opened("e.db");
  dictsqlite_imported imported;
  dictsqlite_import_options how = {.tables = tables + 1, .tables_len = 1, .on_conflict = DICTSQLITE_IMPORT_ERROR};
  told = (struct told){.limit = 1};
  how.progress = (dictsqlite_progress){tell, &told};
  FAILS(DICTSQLITE_CANCELLED, "", dictsqlite_import(into, all, &how, &imported, &error));
  CHECK(imported.read == 0 && has(into, "k", NULL));
  how.progress = (dictsqlite_progress){NULL, NULL};
  OK(dictsqlite_import(into, all, &how, &imported, &error));
  CHECK(imported.read == 301 && imported.written == 301 && imported.skipped == 0 && imported.expired == 0);
  CHECK(has(into, "k", "one"));
  dictsqlite_error *error = NULL;
  dictsqlite_key key;
  CHECK(dictsqlite_import(into, all, &how, &imported, &error) == DICTSQLITE_CONFLICT);
  CHECK(dictsqlite_error_key(error, &key));
  dictsqlite_error_free(&error);
  how = (dictsqlite_import_options){.on_conflict = DICTSQLITE_IMPORT_SKIP};
  AWAITED(dictsqlite_import_async(into, all, &how, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.imported.read == 302 && came.imported.written == 1);
  CHECK(came.imported.skipped == 301);
  how.on_conflict = 9;
  FAILS(DICTSQLITE_INVALID, "on_conflict is 9", dictsqlite_import(into, all, &how, &imported, &error));
  FAILS(DICTSQLITE_IO, "nothing", dictsqlite_import(into, path_to("nothing"), NULL, &imported, &error));
  OK(dictsqlite_close(into, &error));
  OK(dictsqlite_close(docs, &error));
  OK(dictsqlite_close(dict, &error));
}

/* Writes over the last page of a database that nobody has open. */
static void damage(const char *path) {
  FILE *file = fopen(path, "r+b");
  CHECK(file != NULL && fseek(file, -4096, SEEK_END) == 0);
  for (int i = 0; i < 4096; i++) fputc(0xff, file);
  CHECK(fclose(file) == 0);
}

static void upkeep(void) {
  dictsqlite_dict dict = filled("f.db");
  const dictsqlite_key prefix = dictsqlite_text("k");
  dictsqlite_warmed warmed;
  OK(dictsqlite_warm(dict, &prefix, NULL, &warmed, &error));
  CHECK(warmed.read == 1 && warmed.cached == 1);
  struct told told = {0};
  const dictsqlite_progress progress = {tell, &told};
  AWAITED(dictsqlite_warm_async(dict, NULL, &progress, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.warmed.read == 301 && came.warmed.cached == 301 && told.done == 301);
  uint64_t removed;
  OK(dictsqlite_clear(dict, &removed, &error));
  dictsqlite_vacuumed vacuumed;
  OK(dictsqlite_vacuum(dict, &vacuumed, &error));
  CHECK(vacuumed.after < vacuumed.before && vacuumed.after > 0);
  AWAITED(dictsqlite_vacuum_async(dict, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.vacuumed.after == vacuumed.after);
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("one"), &error));
  dictsqlite_checkpointed done;
  OK(dictsqlite_checkpoint(dict, &done, &error));
  CHECK(done.frames > 0 && done.moved == done.frames && done.emptied);
  AWAITED(dictsqlite_checkpoint_async(dict, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.checkpointed.emptied);
  dictsqlite_problems problems;
  OK(dictsqlite_integrity_check(dict, &problems, &error));
  CHECK(problems.len == 0);
  dictsqlite_problems_free(&problems);
  AWAITED(dictsqlite_integrity_check_async(dict, call, NULL, &error));
  CHECK(came.code == DICTSQLITE_OK && came.problems == 0);
  OK(dictsqlite_close(dict, &error));

  /* What is wrong is said in words, which outlive the handle. */
  OK(dictsqlite_open(path_to("f.db"), OPTIONS({"table", "docs"}, {"storage_mode", "json"}), &dict, &error));
  OK(dictsqlite_set(dict, dictsqlite_text("a"), dictsqlite_str("[1]"), &error));
  OK(dictsqlite_close(dict, &error));
  damage(path_to("f.db"));
  OK(dictsqlite_open(path_to("f.db"), OPTIONS({"read_only", "true"}), &dict, &error));
  OK(dictsqlite_integrity_check(dict, &problems, &error));
  FAILS(DICTSQLITE_READ_ONLY, "", dictsqlite_vacuum(dict, &vacuumed, &error));
  FAILS(DICTSQLITE_READ_ONLY, "", dictsqlite_checkpoint(dict, &done, &error));
  OK(dictsqlite_close(dict, &error));
  CHECK(problems.len > 0 && strlen(problems.items[0]) > 0);
  dictsqlite_problems_free(&problems);
  CHECK(problems.len == 0 && problems.items == NULL);
  dictsqlite_problems_free(&problems);
}

static void tests(void) {
  OK(dictsqlite_queue_open(&queue, &error));
  backups();
  cancelled();
  cancelled_from_outside();
  exports();
  upkeep();
  OK(dictsqlite_queue_close(queue, &error));
}
