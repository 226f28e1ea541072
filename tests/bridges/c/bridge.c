/* Drives the C interface for the conformance suite: one JSON request a line in, one JSON answer a line out.
   A blocking call and its asynchronous form leave what they give in the same place. */
#define _GNU_SOURCE /* getline */
#include "shapes.h"

/* The handles the runner opened, by its numbers; and what they were, which closed ones are asked too. */
static struct handle {
  dictsqlite_dict dict;
  dictsqlite_info info;
} handles[256];

static dictsqlite_queue queue;
static dictsqlite_result last;
static dictsqlite_error *error;
static bool called, asynchronous;

static void arrived(void *user_data, dictsqlite_result *result) {
  (void)user_data;
  last = *result;
  memset(result, 0, sizeof *result);
  called = true;
}

static const dictsqlite_call *call(void) {
  static dictsqlite_call to_last;
  to_last = (dictsqlite_call){queue, arrived, NULL};
  called = false;
  return &to_last;
}

/* What comes of an operation that was begun. */
static dictsqlite_code awaited(dictsqlite_code begun) {
  if (begun != DICTSQLITE_OK) return begun;
  while (!called)
    if (dictsqlite_queue_run(queue, -1, NULL, NULL)) bug("the queue cannot be run");
  error = last.error;
  last.error = NULL;
  return last.code;
}

#define EITHER(blocking, begun) (asynchronous ? awaited(begun) : (blocking))
#define LATER *call(), NULL, &error
/* For what gives a number: the blocking form puts it where `put` says. */
#define NUMBER(type, blocking, begun)                  \
  do {                                                 \
    type put = 0;                                      \
    code = EITHER(blocking, begun);                    \
    if (!asynchronous) last.number = (int64_t)put;     \
  } while (0)

static void forget_last(void) {
  dictsqlite_value_free(&last.value);
  dictsqlite_entry_free(&last.entry);
  dictsqlite_values_free(&last.values);
  dictsqlite_page_free(&last.page);
  dictsqlite_tables_free(&last.tables);
  dictsqlite_change_page_free(&last.changes);
  dictsqlite_problems_free(&last.problems);
  dictsqlite_error_free(&error);
  memset(&last, 0, sizeof last);
}

/* Ends an answer of one kind, or tells the error. */
static void answer_true(dictsqlite_code code) {
  if (code) error_out(code, error);
  else printf("{\"ok\":true}\n");
}

static void answer_bool(dictsqlite_code code) {
  if (code) error_out(code, error);
  else printf("{\"ok\":%s}\n", last.number ? "true" : "false");
}

static void answer_number(dictsqlite_code code) {
  if (code) error_out(code, error);
  else printf("{\"ok\":%lld}\n", (long long)last.number);
}

static void answer_bytes(dictsqlite_code code, const void *data, size_t len) {
  if (code) {
    error_out(code, error);
    return;
  }
  printf("{\"ok\":");
  bytes_out(data, len);
  printf("}\n");
}

static void answer_entry(dictsqlite_code code) {
  if (code || last.entry.value.data == NULL) {
    answer_bytes(code, NULL, 0);
    return;
  }
  printf("{\"ok\":");
  entry_out(last.entry.value.data, last.entry.value.len, last.entry.version, last.entry.expires_at);
  printf("}\n");
}

static void keep(const json *number, dictsqlite_code code) {
  if (code == DICTSQLITE_OK) {
    struct handle *handle = &handles[number->integer & 255];
    dictsqlite_info_free(&handle->info);
    handle->dict = last.dict;
    if (dictsqlite_read_info(handle->dict, &handle->info, NULL)) bug("no info");
  }
  answer_true(code);
}

static void open_store(const json *request) {
  const json *given = json_member(request, "options");
  size_t count = 0;
  dictsqlite_option *options = kept((json_count(given) + 1) * sizeof *options);
  for (const json *option = given ? given->first : NULL; option != NULL; option = option->next) {
    char *text = option->text;
    if (text == NULL) {
      text = kept(32);
      if (option->type == JSON_BOOL) snprintf(text, 32, "%s", option->truth ? "true" : "false");
      else if (option->type == JSON_INTEGER) snprintf(text, 32, "%lld", (long long)option->integer);
      else snprintf(text, 32, "%.17g", option->real);
    }
    options[count++] = (dictsqlite_option){option->name, text};
  }
  const char *path = needed(request, "path")->text;
  dictsqlite_option_list list = {options, count};
  keep(needed(request, "h"), EITHER(dictsqlite_open(path, list, &last.dict, &error),
                                    dictsqlite_open_async(path, list, LATER)));
}

static void open_table(dictsqlite_dict dict, const json *request) {
  const json *mode = json_member(json_member(request, "options"), "storage_mode");
  const char *name = needed(request, "name")->text, *storage = mode ? mode->text : NULL;
  keep(needed(request, "as"), EITHER(dictsqlite_open_table(dict, name, storage, &last.dict, &error),
                                     dictsqlite_open_table_async(dict, name, storage, LATER)));
}

/* A page of the dict, or of the transaction if there is one. */
static void page(dictsqlite_dict dict, const dictsqlite_tx *tx, const json *request) {
  dictsqlite_scan_options options = {0};
  dictsqlite_key bounds[3];
  const dictsqlite_key **places[3] = {&options.prefix, &options.start, &options.end};
  static const char *const names[3] = {"prefix", "start", "end"};
  for (int i = 0; i < 3; i++) {
    const json *bound = json_member(request, names[i]);
    if (bound == NULL) continue;
    bounds[i] = key_in(bound);
    *places[i] = &bounds[i];
  }
  const json *limit = json_member(request, "limit"), *order = json_member(request, "order");
  uint64_t most = limit ? (uint64_t)limit->integer : 0;
  if (limit) options.limit = &most;
  if (order) options.flags |= strcmp(order->text, "key") ? DICTSQLITE_SCAN_INSERTION_ORDER : DICTSQLITE_SCAN_KEY_ORDER;
  if (flag_in(request, "reverse", false)) options.flags |= DICTSQLITE_SCAN_REVERSE;
  if (flag_in(request, "consistent", false)) options.flags |= DICTSQLITE_SCAN_CONSISTENT;
  const char *what = needed(request, "what")->text;
  if (what[0] == 'k') options.flags |= DICTSQLITE_SCAN_KEYS_ONLY;

  dictsqlite_scan scan;
  dictsqlite_code code = tx ? dictsqlite_tx_scan_begin(*tx, &options, &scan, &error)
                            : dictsqlite_scan_begin(dict, &options, &scan, &error);
  /* An error may come after the first page, and is the whole answer then. */
  dictsqlite_page pages[1024];
  size_t count = 0, written = 0;
  while (code == DICTSQLITE_OK) {
    code = EITHER(dictsqlite_scan_next(scan, &last.page, &error), dictsqlite_scan_next_async(scan, LATER));
    if (code != DICTSQLITE_OK || last.page.len == 0) break;
    if (count == 1024) bug("too many pages");
    pages[count++] = last.page;
    last.page = (dictsqlite_page){0};
  }
  if (code) error_out(code, error);
  else printf("{\"ok\":[");
  for (size_t p = 0; p < count; p++) {
    for (size_t i = 0; !code && i < pages[p].len; i++) {
      const dictsqlite_item *item = &pages[p].items[i];
      if (written++) putchar(',');
      if (what[0] == 'i') putchar('[');
      if (what[0] != 'v') key_out(item->key);
      if (what[0] == 'i') putchar(',');
      if (what[0] != 'k') bytes_out(item->value.data, item->value.len);
      if (what[0] == 'i') putchar(']');
    }
    dictsqlite_page_free(&pages[p]);
  }
  if (!code) printf("]}\n");
  dictsqlite_scan_close(scan, NULL);
}

static void stats(dictsqlite_dict dict) {
  dictsqlite_stats s;
  dictsqlite_code code = dictsqlite_read_stats(dict, &s, sizeof s, &error);
  if (code) {
    error_out(code, error);
    return;
  }
#define FIGURE(name) printf("\"" #name "\":%llu", (unsigned long long)s.name)
  printf("{\"ok\":{");
  FIGURE(pending_writes), putchar(','), FIGURE(pending_bytes), putchar(','), FIGURE(cached_entries), putchar(',');
  FIGURE(cached_bytes), putchar(','), FIGURE(misses), putchar(','), FIGURE(commits), putchar(',');
  FIGURE(committed_operations), putchar(','), FIGURE(failed_commits), putchar(','), FIGURE(checkpoints), putchar(',');
  FIGURE(swept_entries), putchar(','), FIGURE(wal_frames);
  printf("}}\n");
}

static void info(const struct handle *handle) {
  printf("{\"ok\":{\"table\":");
  string_out(handle->info.table);
  printf(",\"storage_mode\":\"%s\",\"persist_mode\":\"%s\",\"path\":", handle->info.storage_mode, handle->info.persist_mode);
  string_out(handle->info.path);
  printf(",\"read_only\":%s,\"closed\":%s}}\n", handle->info.read_only ? "true" : "false",
         dictsqlite_is_open(handle->dict) ? "false" : "true");
}

#include "files.h"
#include "transactions.h"

/* Operations of one key; false if it is none of them. */
static bool on_key(dictsqlite_dict d, const char *op, const json *request) {
  dictsqlite_code code;
  const json *field = json_member(request, "key"), *version = json_member(request, "if_version");
  if (field == NULL) return false;
  dictsqlite_key key = key_in(field);
  int64_t ttl = ttl_in(request), is = version ? version->integer : 0;
  field = json_member(request, "value");
  dictsqlite_slice value = field ? bytes_in(field) : dictsqlite_data(NULL, 0);
  if (strcmp(op, "get") == 0) {
    code = EITHER(dictsqlite_get(d, key, &last.value, &error), dictsqlite_get_async(d, key, LATER));
    answer_bytes(code, last.value.data, last.value.len);
  } else if (strcmp(op, "contains") == 0) {
    NUMBER(bool, dictsqlite_contains(d, key, &put, &error), dictsqlite_contains_async(d, key, LATER));
    answer_bool(code);
  } else if (strcmp(op, "entry") == 0) {
    answer_entry(EITHER(dictsqlite_get_entry(d, key, &last.entry, &error), dictsqlite_get_entry_async(d, key, LATER)));
  } else if (strcmp(op, "set") == 0 && version) {
    NUMBER(int64_t, dictsqlite_set_if_version(d, key, value, is, ttl, &put, &error),
           dictsqlite_set_if_version_async(d, key, value, is, ttl, LATER));
    answer_number(code);
  } else if (strcmp(op, "set") == 0) {
    answer_true(EITHER(ttl == DICTSQLITE_TTL_DEFAULT ? dictsqlite_set(d, key, value, &error)
                                                     : dictsqlite_set_ttl(d, key, value, ttl, &error),
                       dictsqlite_set_async(d, key, value, ttl, LATER)));
  } else if (strcmp(op, "delete") == 0) {
    answer_true(version ? EITHER(dictsqlite_delete_if_version(d, key, is, &error),
                                 dictsqlite_delete_if_version_async(d, key, is, LATER))
                        : EITHER(dictsqlite_delete(d, key, &error), dictsqlite_delete_async(d, key, LATER)));
  } else if (strcmp(op, "remove") == 0) {
    NUMBER(bool, dictsqlite_remove(d, key, &put, &error), dictsqlite_remove_async(d, key, LATER));
    answer_bool(code);
  } else if (strcmp(op, "pop") == 0) {
    code = EITHER(dictsqlite_pop(d, key, &last.entry, &error), dictsqlite_pop_async(d, key, LATER));
    answer_bytes(code, last.entry.value.data, last.entry.value.len);
  } else if (strcmp(op, "setdefault") == 0) {
    code = EITHER(dictsqlite_set_default(d, key, value, ttl, &last.entry, &error),
                  dictsqlite_set_default_async(d, key, value, ttl, LATER));
    bool there = last.entry.value.data != NULL;
    answer_bytes(code, there ? (const void *)last.entry.value.data : value.data,
                 there ? last.entry.value.len : value.len);
  } else if (strcmp(op, "incr") == 0) {
    int64_t by = needed(request, "by")->integer;
    NUMBER(int64_t, dictsqlite_incr(d, key, by, &put, &error), dictsqlite_incr_async(d, key, by, LATER));
    answer_number(code);
  } else if (strcmp(op, "expire") == 0) {
    NUMBER(bool, dictsqlite_expire(d, key, ttl, &put, &error), dictsqlite_expire_async(d, key, ttl, LATER));
    answer_bool(code);
  } else {
    return false;
  }
  return true;
}

/* Operations of many keys, or of none; false if it is none of them. */
static bool on_table(dictsqlite_dict d, const char *op, const json *request) {
  dictsqlite_code code;
  if (strcmp(op, "len") == 0) {
    NUMBER(uint64_t, dictsqlite_len(d, &put, &error), dictsqlite_len_async(d, LATER));
    answer_number(code);
  } else if (strcmp(op, "popitem") == 0) {
    bool newest = flag_in(request, "last", true);
    code = EITHER(dictsqlite_pop_item(d, newest, &last.page, &error), dictsqlite_pop_item_async(d, newest, LATER));
    if (code || last.page.len == 0) {
      answer_bytes(code, NULL, 0);
      return true;
    }
    printf("{\"ok\":[");
    key_out(last.page.items[0].key);
    putchar(',');
    bytes_out(last.page.items[0].value.data, last.page.items[0].value.len);
    printf("]}\n");
  } else if (strcmp(op, "clear") == 0) {
    NUMBER(uint64_t, dictsqlite_clear(d, &put, &error), dictsqlite_clear_async(d, LATER));
    answer_true(code);
  } else if (strcmp(op, "get_many") == 0) {
    dictsqlite_key_list keys = keys_in(needed(request, "keys"));
    code = EITHER(dictsqlite_get_many(d, keys, &last.values, &error), dictsqlite_get_many_async(d, keys, LATER));
    if (code) {
      error_out(code, error);
      return true;
    }
    printf("{\"ok\":[");
    for (size_t i = 0; i < last.values.len; i++) {
      if (i) putchar(',');
      bytes_out(last.values.items[i].data, last.values.items[i].len);
    }
    printf("]}\n");
  } else if (strcmp(op, "set_many") == 0) {
    dictsqlite_pair_list items = items_in(needed(request, "items"));
    int64_t ttl = ttl_in(request);
    answer_true(EITHER(dictsqlite_set_many(d, items, ttl, &error), dictsqlite_set_many_async(d, items, ttl, LATER)));
  } else if (strcmp(op, "delete_many") == 0) {
    dictsqlite_key_list keys = keys_in(needed(request, "keys"));
    answer_true(EITHER(dictsqlite_delete_many(d, keys, &error), dictsqlite_delete_many_async(d, keys, LATER)));
  } else if (strcmp(op, "tables") == 0) {
    code = EITHER(dictsqlite_list_tables(d, &last.tables, &error), dictsqlite_list_tables_async(d, LATER));
    if (code) {
      error_out(code, error);
      return true;
    }
    printf("{\"ok\":[");
    for (size_t i = 0; i < last.tables.len; i++) {
      if (i) putchar(',');
      string_out(last.tables.items[i].name);
    }
    printf("]}\n");
  } else if (strcmp(op, "drop_table") == 0) {
    const char *name = needed(request, "name")->text;
    NUMBER(bool, dictsqlite_drop_table(d, name, &put, &error), dictsqlite_drop_table_async(d, name, LATER));
    answer_bool(code);
  } else if (strcmp(op, "flush") == 0) {
    bool durable = flag_in(request, "durable", false);
    answer_true(EITHER(dictsqlite_flush(d, durable, &error), dictsqlite_flush_async(d, durable, LATER)));
  } else if (strcmp(op, "close") == 0) {
    /* That it is closed already is what C says, and what the protocol calls fine. */
    bool again = !dictsqlite_is_open(d);
    code = EITHER(dictsqlite_close(d, &error), dictsqlite_close_async(d, LATER));
    answer_true(again && code == DICTSQLITE_CLOSED ? DICTSQLITE_OK : code);
  } else {
    return false;
  }
  return true;
}

static void answer(const json *request) {
  const char *op = needed(request, "op")->text;
  asynchronous = flag_in(request, "async", false);
  if (strcmp(op, "hello") == 0) {
    printf("{\"ok\":{\"protocol\":1,\"language\":\"c\",\"version\":\"%s\",\"forms\":[\"sync\",\"async\"],\"lacks\":[]}}\n",
           dictsqlite_version());
    return;
  }
  if (strcmp(op, "open") == 0) {
    open_store(request);
    return;
  }
  if (strcmp(op, "restore") == 0) {
    restore(request);
    return;
  }
  if (json_member(request, "tx") && strcmp(op, "begin") != 0) {
    in_tx(op, request);
    return;
  }
  const struct handle *handle = &handles[needed(request, "h")->integer & 255];
  if (strcmp(op, "table") == 0) open_table(handle->dict, request);
  else if (strcmp(op, "page") == 0) page(handle->dict, NULL, request);
  else if (strcmp(op, "begin") == 0) begin_tx(handle->dict, request);
  else if (strcmp(op, "atomic") == 0) atomic(handle->dict, request);
  else if (on_log(handle->dict, op, request) || on_files(handle->dict, op, request)) return;
  else if (strcmp(op, "stats") == 0) stats(handle->dict);
  else if (strcmp(op, "info") == 0) info(handle);
  else if (!on_key(handle->dict, op, request) && !on_table(handle->dict, op, request)) printf("{\"absent\":true}\n");
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  if (dictsqlite_queue_open(&queue, NULL)) bug("no queue");
  while (getline(&line, &room, stdin) > 0) {
    json *request = json_parse(line);
    if (request == NULL) bug("not a request");
    answer(request);
    fflush(stdout);
    forget_last();
    forget_blocks();
    json_free(request);
  }
  free(line);
  close_all();
  for (int i = 0; i < 256; i++) {
    dictsqlite_close(handles[i].dict, NULL);
    dictsqlite_info_free(&handles[i].info);
  }
  return dictsqlite_queue_close(queue, NULL) != DICTSQLITE_OK;
}
