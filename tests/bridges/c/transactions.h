/* Transactions, changes and watches; a part of bridge.c, whose way of awaiting it uses. */
#ifndef BRIDGE_TRANSACTIONS_H
#define BRIDGE_TRANSACTIONS_H

/* What the runner opened, by its numbers. */
static dictsqlite_tx transactions[256];
static uint64_t savepoints[256][16];
static dictsqlite_change_stream streams[256];
static dictsqlite_watch watches[256];

static uint64_t milliseconds_in(const json *request, const char *name) {
  const json *seconds = json_member(request, name);
  return seconds ? (uint64_t)ceil(seconds->real * 1000) : 0;
}

/* A name as C's number for it; one that is none of them as a number that is none. */
static uint32_t one_of(const json *request, const char *name, const char *const *names, size_t count) {
  const json *given = json_member(request, name);
  if (given == NULL) return 0;
  for (size_t i = 0; i < count; i++)
    if (strcmp(given->text, names[i]) == 0) return (uint32_t)i;
  return 99;
}

static void keep_tx(const json *number, dictsqlite_code code) {
  if (code == DICTSQLITE_OK) {
    dictsqlite_tx *place = &transactions[number->integer & 255];
    dictsqlite_tx_close(*place, NULL);
    *place = last.tx;
  }
  answer_true(code);
}

static void begin_tx(dictsqlite_dict d, const json *request) {
  static const char *const modes[] = {"concurrent", "immediate", "read"}, *const isolations[] = {"serializable", "snapshot"};
  dictsqlite_tx_options options = {0};
  options.mode = one_of(request, "mode", modes, 3);
  options.isolation = one_of(request, "isolation", isolations, 2);
  options.timeout = milliseconds_in(request, "timeout");
  options.max_hold = milliseconds_in(request, "max_hold");
  keep_tx(needed(request, "tx"), EITHER(dictsqlite_tx_begin(d, &options, &last.tx, &error),
                                        dictsqlite_tx_begin_async(d, &options, LATER)));
}

static void key_in_tx(dictsqlite_tx t, const char *op, const json *request) {
  dictsqlite_code code;
  dictsqlite_key key = key_in(needed(request, "key"));
  int64_t ttl = ttl_in(request);
  const json *field = json_member(request, "value");
  dictsqlite_slice value = field ? bytes_in(field) : dictsqlite_data(NULL, 0);
  if (strcmp(op, "get") == 0) {
    code = EITHER(dictsqlite_tx_get(t, key, &last.value, &error), dictsqlite_tx_get_async(t, key, LATER));
    answer_bytes(code, last.value.data, last.value.len);
  } else if (strcmp(op, "contains") == 0) {
    NUMBER(bool, dictsqlite_tx_contains(t, key, &put, &error), dictsqlite_tx_contains_async(t, key, LATER));
    answer_bool(code);
  } else if (strcmp(op, "entry") == 0) {
    answer_entry(EITHER(dictsqlite_tx_get_entry(t, key, &last.entry, &error), dictsqlite_tx_get_entry_async(t, key, LATER)));
  } else if (strcmp(op, "set") == 0) {
    answer_true(dictsqlite_tx_set(t, key, value, ttl, &error));
  } else if (strcmp(op, "delete") == 0) {
    answer_true(dictsqlite_tx_delete(t, key, &error));
  } else if (strcmp(op, "remove") == 0) {
    NUMBER(bool, dictsqlite_tx_remove(t, key, &put, &error), dictsqlite_tx_remove_async(t, key, LATER));
    answer_bool(code);
  } else if (strcmp(op, "pop") == 0) {
    code = EITHER(dictsqlite_tx_pop(t, key, &last.entry, &error), dictsqlite_tx_pop_async(t, key, LATER));
    answer_bytes(code, last.entry.value.data, last.entry.value.len);
  } else if (strcmp(op, "setdefault") == 0) {
    code = EITHER(dictsqlite_tx_set_default(t, key, value, ttl, &last.entry, &error),
                  dictsqlite_tx_set_default_async(t, key, value, ttl, LATER));
    bool there = last.entry.value.data != NULL;
    answer_bytes(code, there ? (const void *)last.entry.value.data : value.data,
                 there ? last.entry.value.len : value.len);
  } else if (strcmp(op, "incr") == 0) {
    int64_t by = needed(request, "by")->integer;
    NUMBER(int64_t, dictsqlite_tx_incr(t, key, by, &put, &error), dictsqlite_tx_incr_async(t, key, by, LATER));
    answer_number(code);
  } else if (strcmp(op, "expire") == 0) {
    NUMBER(bool, dictsqlite_tx_expire(t, key, ttl, &put, &error), dictsqlite_tx_expire_async(t, key, ttl, LATER));
    answer_bool(code);
  } else {
    printf("{\"absent\":true}\n");
  }
}

static void in_tx(const char *op, const json *request) {
  dictsqlite_code code;
  size_t number = needed(request, "tx")->integer & 255;
  dictsqlite_tx t = transactions[number];
  const json *mark = json_member(request, "savepoint");
  uint64_t *savepoint = &savepoints[number][mark ? mark->integer & 15 : 0];
  if (strcmp(op, "table") == 0) {
    const json *mode = json_member(json_member(request, "options"), "storage_mode");
    const char *name = needed(request, "name")->text, *storage = mode ? mode->text : NULL;
    keep_tx(needed(request, "as"), EITHER(dictsqlite_tx_table(t, name, storage, &last.tx, &error),
                                          dictsqlite_tx_table_async(t, name, storage, LATER)));
  } else if (strcmp(op, "savepoint") == 0) {
    uint64_t made;
    code = dictsqlite_tx_savepoint(t, &made, &error);
    if (!code) *savepoint = made;
    answer_true(code);
  } else if (strcmp(op, "rollback_to") == 0) {
    answer_true(dictsqlite_tx_rollback_to(t, *savepoint, &error));
  } else if (strcmp(op, "release") == 0) {
    answer_true(dictsqlite_tx_release(t, *savepoint, &error));
  } else if (strcmp(op, "commit") == 0) {
    NUMBER(int64_t, dictsqlite_tx_commit(t, &put, &error), dictsqlite_tx_commit_async(t, LATER));
    answer_number(code);
  } else if (strcmp(op, "rollback") == 0) {
    answer_true(dictsqlite_tx_rollback(t, &error));
  } else if (strcmp(op, "len") == 0) {
    NUMBER(uint64_t, dictsqlite_tx_len(t, &put, &error), dictsqlite_tx_len_async(t, LATER));
    answer_number(code);
  } else if (strcmp(op, "clear") == 0) {
    NUMBER(uint64_t, dictsqlite_tx_clear(t, &put, &error), dictsqlite_tx_clear_async(t, LATER));
    answer_true(code);
  } else if (strcmp(op, "page") == 0) {
    page((dictsqlite_dict){0}, &t, request);
  } else {
    key_in_tx(t, op, request);
  }
}

static void atomic(dictsqlite_dict d, const json *request) {
  dictsqlite_code code;
  const json *given = needed(request, "checks"), *wanted = needed(request, "writes");
  dictsqlite_check *checks = kept((json_count(given) + 1) * sizeof *checks);
  dictsqlite_write *writes = kept((json_count(wanted) + 1) * sizeof *writes);
  size_t check_count = 0, write_count = 0;
  for (const json *check = given->first; check != NULL; check = check->next)
    checks[check_count++] = dictsqlite_check_key(key_in(check->first), check->first->next->integer);
  for (const json *write = wanted->first; write != NULL; write = write->next) {
    const json *set = json_member(write, "set"), *incr = json_member(write, "incr");
    dictsqlite_write *one = &writes[write_count++];
    if (set) {
      *one = dictsqlite_write_set(key_in(set), bytes_in(needed(write, "value")));
      if (json_member(write, "ttl")) one->ttl = ttl_in(write);
    } else {
      *one = incr ? dictsqlite_write_incr(key_in(incr), needed(write, "by")->integer)
                  : dictsqlite_write_delete(key_in(needed(write, "delete")));
    }
  }
  dictsqlite_check_list check_list = {checks, check_count};
  dictsqlite_write_list write_list = {writes, write_count};
  NUMBER(int64_t, dictsqlite_atomic(d, check_list, write_list, &put, &error),
         dictsqlite_atomic_async(d, check_list, write_list, LATER));
  answer_number(code);
}

static void next_changes(dictsqlite_change_stream stream, size_t count) {
  static const char *const kinds[] = {"", "insert", "update", "delete", "expire"};
  dictsqlite_change_page pages[64];
  size_t page_count = 0, found = 0, written = 0;
  dictsqlite_code code = DICTSQLITE_OK;
  while (code == DICTSQLITE_OK && found < count) {
    if (page_count == 64) bug("too many pages");
    code = EITHER(dictsqlite_changes_next(stream, -1, &last.changes, &error), dictsqlite_changes_next_async(stream, LATER));
    found += last.changes.len;
    pages[page_count++] = last.changes;
    last.changes = (dictsqlite_change_page){0};
  }
  if (code) error_out(code, error);
  else printf("{\"ok\":[");
  for (size_t p = 0; p < page_count; p++) {
    for (size_t i = 0; !code && i < pages[p].len; i++) {
      const dictsqlite_change *change = &pages[p].items[i];
      printf("%s{\"seq\":%lld,\"kind\":\"%s\",\"table\":", written++ ? "," : "", (long long)change->seq, kinds[change->kind]);
      string_out(change->table);
      printf(",\"key\":");
      key_out(change->key);
      printf(",\"old\":");
      bytes_out(change->before.data, change->before.len);
      printf(",\"new\":");
      bytes_out(change->after.data, change->after.len);
      if (change->expires_at) printf(",\"expires_at\":%lld}", (long long)change->expires_at);
      else printf(",\"expires_at\":null}");
    }
    dictsqlite_change_page_free(&pages[p]);
  }
  if (!code) printf("]}\n");
}

static void next_watched(dictsqlite_watch watch, size_t count) {
  dictsqlite_page pages[64];
  size_t page_count = 0, found = 0, written = 0;
  dictsqlite_code code = DICTSQLITE_OK;
  while (code == DICTSQLITE_OK && found < count) {
    if (page_count == 64) bug("too many pages");
    code = EITHER(dictsqlite_watch_next(watch, -1, &last.page, &error), dictsqlite_watch_next_async(watch, LATER));
    found += last.page.len;
    pages[page_count++] = last.page;
    last.page = (dictsqlite_page){0};
  }
  if (code) error_out(code, error);
  else printf("{\"ok\":[");
  for (size_t p = 0; p < page_count; p++) {
    for (size_t i = 0; !code && i < pages[p].len; i++) {
      const dictsqlite_item *item = &pages[p].items[i];
      printf("%s[", written++ ? "," : "");
      key_out(item->key);
      putchar(',');
      if (item->value.data) entry_out(item->value.data, item->value.len, item->version, item->expires_at);
      else printf("null");
      putchar(']');
    }
    dictsqlite_page_free(&pages[p]);
  }
  if (!code) printf("]}\n");
}

static void begin_changes(dictsqlite_dict d, const json *request) {
  dictsqlite_changes_options options = {0};
  const json *since = json_member(request, "since"), *tables = json_member(request, "tables");
  const json *prefix = json_member(request, "prefix");
  dictsqlite_key key;
  if (since) options.since = &since->integer;
  if (tables) {
    const char **names = kept((json_count(tables) + 1) * sizeof *names);
    for (const json *name = tables->first; name != NULL; name = name->next) names[options.tables_len++] = name->text;
    options.tables = names;
  }
  if (prefix) {
    key = key_in(prefix);
    options.prefix = &key;
  }
  dictsqlite_change_stream stream;
  dictsqlite_code code = dictsqlite_changes_begin(d, &options, &stream, &error);
  if (!code) {
    dictsqlite_change_stream *place = &streams[needed(request, "stream")->integer & 255];
    dictsqlite_changes_close(*place, NULL);
    *place = stream;
  }
  answer_true(code);
}

static void begin_watch(dictsqlite_dict d, const json *request) {
  const json *given = json_member(request, "keys"), *prefix = json_member(request, "prefix");
  dictsqlite_key_list keys = {NULL, 0};
  if (given) keys = keys_in(given);
  dictsqlite_key key;
  if (prefix) key = key_in(prefix);
  dictsqlite_watch watch;
  dictsqlite_code code = dictsqlite_watch_begin(d, keys, prefix ? &key : NULL, &watch, &error);
  if (!code) {
    dictsqlite_watch *place = &watches[needed(request, "watch")->integer & 255];
    dictsqlite_watch_close(*place, NULL);
    *place = watch;
  }
  answer_true(code);
}

/* Closing again is CLOSED in C, and fine in the protocol. */
static void answer_closed(dictsqlite_code code) { answer_true(code == DICTSQLITE_CLOSED ? DICTSQLITE_OK : code); }

/* False if it is none of these. */
static bool on_log(dictsqlite_dict d, const char *op, const json *request) {
  dictsqlite_code code;
  if (strcmp(op, "enable_changes") == 0) {
    const json *count = json_member(request, "count"), *age = json_member(request, "age");
    uint64_t most = count ? (uint64_t)count->integer : 0, oldest = milliseconds_in(request, "age");
    answer_true(EITHER(dictsqlite_enable_changes(d, count ? &most : NULL, age ? &oldest : NULL, &error),
                       dictsqlite_enable_changes_async(d, count ? &most : NULL, age ? &oldest : NULL, LATER)));
  } else if (strcmp(op, "has_changes") == 0) {
    NUMBER(bool, dictsqlite_has_changes(d, &put, &error), dictsqlite_has_changes_async(d, LATER));
    answer_bool(code);
  } else if (strcmp(op, "changes") == 0) {
    begin_changes(d, request);
  } else if (strcmp(op, "next_changes") == 0) {
    next_changes(streams[needed(request, "stream")->integer & 255], (size_t)needed(request, "count")->integer);
  } else if (strcmp(op, "position") == 0) {
    code = dictsqlite_changes_position(streams[needed(request, "stream")->integer & 255], &last.number, &error);
    answer_number(code);
  } else if (strcmp(op, "close_changes") == 0) {
    answer_closed(dictsqlite_changes_close(streams[needed(request, "stream")->integer & 255], &error));
  } else if (strcmp(op, "watch") == 0) {
    begin_watch(d, request);
  } else if (strcmp(op, "next_watched") == 0) {
    next_watched(watches[needed(request, "watch")->integer & 255], (size_t)needed(request, "count")->integer);
  } else if (strcmp(op, "close_watch") == 0) {
    answer_closed(dictsqlite_watch_close(watches[needed(request, "watch")->integer & 255], &error));
  } else {
    return false;
  }
  return true;
}

static void close_all(void) {
  for (int i = 0; i < 256; i++) {
    dictsqlite_tx_close(transactions[i], NULL);
    dictsqlite_changes_close(streams[i], NULL);
    dictsqlite_watch_close(watches[i], NULL);
  }
}

#endif
