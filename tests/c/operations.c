/* Every operation that waits, once as it is meant and where it has two outcomes with both. */
#include "check.h"

static dictsqlite_slice text(const char *string) { return dictsqlite_str(string); }

static void values_and_keys(void) {
  dictsqlite_dict dict = opened("keys.db");
  CHECK(dictsqlite_is_open(dict));
  OK(dictsqlite_set(dict, dictsqlite_text("user:1"), text("Ada"), &error));
  CHECK(has(dict, "user:1", "Ada") && has(dict, "user:2", NULL));

  /* An empty value is not an absent one; NULL may stand for no bytes. */
  dictsqlite_value value;
  OK(dictsqlite_set(dict, dictsqlite_integer(-7), dictsqlite_data(NULL, 0), &error));
  OK(dictsqlite_get(dict, dictsqlite_integer(-7), &value, &error));
  CHECK(value.data != NULL && value.len == 0);
  dictsqlite_value_free(&value);
  CHECK(value.data == NULL);
  dictsqlite_value_free(&value);

  /* 1, "1" and the byte '1' are three keys; a tuple is a fourth. */
  dictsqlite_key parts[3] = {dictsqlite_text("1"), dictsqlite_integer(1), dictsqlite_bytes("\xff\0", 2)};
  dictsqlite_key keys[4] = {dictsqlite_integer(1), dictsqlite_text("1"), dictsqlite_bytes("1", 1),
                            dictsqlite_tuple(parts, 3)};
  const char *names[4] = {"integer", "text", "bytes", "tuple"};
  for (int i = 0; i < 4; i++) OK(dictsqlite_set(dict, keys[i], text(names[i]), &error));
  dictsqlite_values values;
  OK(dictsqlite_get_many(dict, (dictsqlite_key_list){keys, 4}, &values, &error));
  CHECK(values.len == 4);
  for (int i = 0; i < 4; i++) CHECK(is(values.items[i], names[i]));
  dictsqlite_values_free(&values);
  CHECK(values.items == NULL && values.len == 0);
  dictsqlite_values_free(&values);

  bool found;
  OK(dictsqlite_contains(dict, dictsqlite_tuple(parts, 3), &found, &error));
  CHECK(found);
  OK(dictsqlite_contains(dict, dictsqlite_tuple(parts, 2), &found, &error));
  CHECK(!found);
  OK(dictsqlite_delete(dict, dictsqlite_text("user:1"), &error));
  OK(dictsqlite_delete(dict, dictsqlite_text("user:1"), &error));
  uint64_t count;
  OK(dictsqlite_len(dict, &count, &error));
  CHECK(count == 5);

  /* A value outlives its handle. */
  OK(dictsqlite_get(dict, keys[3], &value, &error));
  OK(dictsqlite_close(dict, &error));
  CHECK(!dictsqlite_is_open(dict));
  CHECK(holds(&value, "tuple"));
  dictsqlite_value_free(&value);
}

static void batches(void) {
  dictsqlite_dict dict = opened("batches.db");
  dictsqlite_pair pairs[2] = {{dictsqlite_text("a"), text("1")}, {dictsqlite_text("b"), text("2")}};
  OK(dictsqlite_set_many(dict, (dictsqlite_pair_list){pairs, 2}, DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_set_many(dict, (dictsqlite_pair_list){NULL, 0}, DICTSQLITE_TTL_NEVER, &error));
  dictsqlite_key keys[3] = {dictsqlite_text("a"), dictsqlite_text("none"), dictsqlite_text("b")};
  dictsqlite_values values;
  OK(dictsqlite_get_many(dict, (dictsqlite_key_list){keys, 3}, &values, &error));
  CHECK(values.len == 3 && is(values.items[0], "1") && values.items[1].data == NULL && is(values.items[2], "2"));
  dictsqlite_values_free(&values);
  OK(dictsqlite_get_many(dict, (dictsqlite_key_list){NULL, 0}, &values, &error));
  CHECK(values.len == 0);
  dictsqlite_values_free(&values);
  OK(dictsqlite_delete_many(dict, (dictsqlite_key_list){keys, 2}, &error));
  CHECK(has(dict, "a", NULL) && has(dict, "b", "2"));
  OK(dictsqlite_close(dict, &error));
}

static void conditions(void) {
  dictsqlite_dict dict = opened("conditions.db");
  dictsqlite_key key = dictsqlite_text("k");
  dictsqlite_entry entry;
  int64_t version, next;
  OK(dictsqlite_set_if_version(dict, key, text("1"), 0, DICTSQLITE_TTL_DEFAULT, &version, &error));
  OK(dictsqlite_set_if_version(dict, key, text("2"), version, DICTSQLITE_TTL_DEFAULT, &next, &error));
  CHECK(next > version);

  dictsqlite_error *conflict = NULL;
  dictsqlite_key named;
  CHECK(dictsqlite_set_if_version(dict, key, text("3"), version, DICTSQLITE_TTL_DEFAULT, &next, &conflict) ==
        DICTSQLITE_CONFLICT);
  CHECK(dictsqlite_error_key(conflict, &named) && named.type == DICTSQLITE_KEY_TEXT && named.len == 1);
  CHECK(memcmp(named.data, "k", 1) == 0 && dictsqlite_error_is_transient(conflict) && next == 0);
  dictsqlite_error_free(&conflict);
  dictsqlite_key part = dictsqlite_integer(9);
  CHECK(dictsqlite_delete_if_version(dict, dictsqlite_tuple(&part, 1), 1, &conflict) == DICTSQLITE_CONFLICT);
  CHECK(dictsqlite_error_key(conflict, &named) && named.type == DICTSQLITE_KEY_TUPLE && named.len == 1);
  CHECK(((const dictsqlite_key *)named.data)->integer == 9);
  dictsqlite_error_free(&conflict);

  OK(dictsqlite_get_entry(dict, key, &entry, &error));
  CHECK(holds(&entry.value, "2") && entry.version > version && entry.expires_at == 0);
  OK(dictsqlite_delete_if_version(dict, key, entry.version, &error));
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_get_entry(dict, key, &entry, &error));
  CHECK(entry.value.data == NULL && entry.version == 0);
  dictsqlite_entry_free(&entry);

  OK(dictsqlite_set_default(dict, key, text("first"), DICTSQLITE_TTL_DEFAULT, &entry, &error));
  CHECK(entry.value.data == NULL);
  OK(dictsqlite_set_default(dict, key, text("second"), DICTSQLITE_TTL_DEFAULT, &entry, &error));
  CHECK(holds(&entry.value, "first"));
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_pop(dict, key, &entry, &error));
  CHECK(holds(&entry.value, "first"));
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_pop(dict, key, &entry, &error));
  CHECK(entry.value.data == NULL);

  int64_t sum;
  OK(dictsqlite_incr(dict, dictsqlite_text("n"), 40, &sum, &error));
  OK(dictsqlite_incr(dict, dictsqlite_text("n"), 2, &sum, &error));
  CHECK(sum == 42 && has(dict, "n", "42"));
  FAILS(DICTSQLITE_INVALID, "64 bits", dictsqlite_incr(dict, dictsqlite_text("n"), INT64_MAX, &sum, &error));
  OK(dictsqlite_set(dict, key, text("x"), &error));
  FAILS(DICTSQLITE_CODEC, "integer", dictsqlite_incr(dict, key, 1, &sum, &error));

  bool was;
  OK(dictsqlite_remove(dict, key, &was, &error));
  CHECK(was);
  OK(dictsqlite_remove(dict, key, &was, &error));
  CHECK(!was);

  OK(dictsqlite_set(dict, dictsqlite_tuple(&part, 1), text("newest"), &error));
  dictsqlite_page item;
  OK(dictsqlite_pop_item(dict, true, &item, &error));
  CHECK(item.len == 1 && item.items[0].key.type == DICTSQLITE_KEY_TUPLE && is(item.items[0].value, "newest"));
  dictsqlite_page_free(&item);
  OK(dictsqlite_pop_item(dict, false, &item, &error));
  CHECK(item.len == 1 && is(item.items[0].value, "42"));
  dictsqlite_page_free(&item);
  OK(dictsqlite_pop_item(dict, false, &item, &error));
  CHECK(item.len == 0);
  dictsqlite_page_free(&item);

  uint64_t removed;
  OK(dictsqlite_set(dict, key, text("x"), &error));
  OK(dictsqlite_clear(dict, &removed, &error));
  CHECK(removed == 1);
  OK(dictsqlite_close(dict, &error));
}

static void time_to_live(void) {
  dictsqlite_dict dict = opened("ttl.db");
  dictsqlite_key key = dictsqlite_text("session");
  dictsqlite_entry entry;
  bool found;
  OK(dictsqlite_set_ttl(dict, key, text("token"), 3600000, &error));
  OK(dictsqlite_get_entry(dict, key, &entry, &error));
  CHECK(entry.expires_at > 1600000000000);
  int64_t before = entry.expires_at;
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_expire(dict, key, 7200000, &found, &error));
  CHECK(found);
  OK(dictsqlite_get_entry(dict, key, &entry, &error));
  CHECK(entry.expires_at > before);
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_expire(dict, key, DICTSQLITE_TTL_NEVER, &found, &error));
  OK(dictsqlite_get_entry(dict, key, &entry, &error));
  CHECK(entry.expires_at == 0);
  dictsqlite_entry_free(&entry);
  OK(dictsqlite_expire(dict, dictsqlite_text("none"), 1, &found, &error));
  CHECK(!found);
  FAILS(DICTSQLITE_INVALID, "ttl is 0", dictsqlite_set_ttl(dict, key, text("x"), 0, &error));
  FAILS(DICTSQLITE_INVALID, "ttl is -5", dictsqlite_expire(dict, key, -5, &found, &error));
  OK(dictsqlite_close(dict, &error));
}

static void scans(void) {
  dictsqlite_dict dict = opened("scans.db");
  char name[16];
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "k%03d", 999 - i);
    OK(dictsqlite_set(dict, dictsqlite_text(name), text(name), &error));
  }
  OK(dictsqlite_set(dict, dictsqlite_integer(5), text("five"), &error));

  dictsqlite_scan scan;
  dictsqlite_page page;
  uint64_t seen = 0;
  OK(dictsqlite_scan_begin(dict, NULL, &scan, &error));
  do {
    OK(dictsqlite_scan_next(scan, &page, &error));
    for (size_t i = 0; i < page.len; i++) {
      if (seen == 0) CHECK(is(page.items[i].value, "k999"));
      CHECK(page.items[i].version > 0 && page.items[i].expires_at == 0);
      seen++;
    }
    int last = page.len == 0;
    dictsqlite_page_free(&page);
    if (last) break;
  } while (1);
  CHECK(seen == 1001);
  OK(dictsqlite_scan_next(scan, &page, &error));
  CHECK(page.len == 0);
  OK(dictsqlite_scan_close(scan, &error));
  FAILS(DICTSQLITE_CLOSED, "scan", dictsqlite_scan_close(scan, &error));
  FAILS(DICTSQLITE_CLOSED, "scan", dictsqlite_scan_next(scan, &page, &error));

  dictsqlite_key prefix = dictsqlite_text("k00"), start = dictsqlite_text("k002"), end = dictsqlite_text("k009");
  uint64_t limit = 3;
  dictsqlite_scan_options options = {&prefix, &start, &end, &limit,
                                     DICTSQLITE_SCAN_REVERSE | DICTSQLITE_SCAN_KEYS_ONLY | DICTSQLITE_SCAN_CONSISTENT};
  OK(dictsqlite_scan_begin(dict, &options, &scan, &error));
  OK(dictsqlite_scan_next(scan, &page, &error));
  CHECK(page.len == 3 && page.items[0].value.data == NULL);
  CHECK(page.items[0].key.len == 4 && memcmp(page.items[0].key.data, "k008", 4) == 0);
  OK(dictsqlite_scan_close(scan, &error));
  CHECK(memcmp(page.items[2].key.data, "k006", 4) == 0); /* The page outlives its scan. */
  dictsqlite_page_free(&page);
  dictsqlite_page_free(&page);

  dictsqlite_scan_options by_key = {0};
  by_key.flags = DICTSQLITE_SCAN_KEY_ORDER;
  OK(dictsqlite_scan_begin(dict, &by_key, &scan, &error));
  OK(dictsqlite_scan_next(scan, &page, &error));
  CHECK(page.items[0].key.type == DICTSQLITE_KEY_INTEGER && page.items[0].key.integer == 5);
  dictsqlite_page_free(&page);
  OK(dictsqlite_scan_close(scan, &error));
  OK(dictsqlite_close(dict, &error));
}

static void tables_and_options(void) {
  dictsqlite_dict dict, table, again, refused;
  OK(dictsqlite_open(path_to("tables.db"),
                     OPTIONS({"persist_mode", "lazy"}, {"flush_interval", "0.05"}, {"buffer_size", "7"},
                             {"timeout", "5"}, {"table", "first"}, {"cache_bytes", "1000000"}),
                     &dict, &error));
  OK(dictsqlite_open_table(dict, "settings", "json", &table, &error));
  OK(dictsqlite_set(table, dictsqlite_text("theme"), text("{\"dark\":true}"), &error));
  FAILS(DICTSQLITE_CODEC, "JSON", dictsqlite_set(table, dictsqlite_text("x"), text("{"), &error));
  dictsqlite_pair pair = {dictsqlite_text("x"), text("nul")};
  FAILS(DICTSQLITE_CODEC, "JSON",
        dictsqlite_set_many(table, (dictsqlite_pair_list){&pair, 1}, DICTSQLITE_TTL_DEFAULT, &error));
  OK(dictsqlite_open_table(dict, "settings", NULL, &again, &error));
  CHECK(has(again, "theme", "{\"dark\":true}"));
  FAILS(DICTSQLITE_CODEC, "json", dictsqlite_open_table(dict, "settings", "bytes", &refused, &error));
  CHECK(refused.id == 0);
  OK(dictsqlite_close(again, &error));

  dictsqlite_info info;
  OK(dictsqlite_read_info(table, &info, &error));
  CHECK(strcmp(info.table, "settings") == 0 && strcmp(info.storage_mode, "json") == 0);
  CHECK(strcmp(info.persist_mode, "lazy") == 0 && strstr(info.path, "tables.db") && !info.read_only);
  dictsqlite_info_free(&info);
  CHECK(info.table == NULL);
  dictsqlite_info_free(&info);

  dictsqlite_tables tables;
  OK(dictsqlite_list_tables(dict, &tables, &error));
  CHECK(tables.len == 2 && strcmp(tables.items[0].name, "first") == 0);
  CHECK(strcmp(tables.items[1].name, "settings") == 0 && strcmp(tables.items[1].storage_mode, "json") == 0);
  dictsqlite_tables_free(&tables);
  CHECK(tables.items == NULL);
  dictsqlite_tables_free(&tables);

  bool dropped;
  OK(dictsqlite_drop_table(dict, "settings", &dropped, &error));
  CHECK(dropped);
  OK(dictsqlite_drop_table(dict, "settings", &dropped, &error));
  CHECK(!dropped);
  FAILS(DICTSQLITE_CLOSED, "dropped", dictsqlite_set(table, dictsqlite_text("x"), text("1"), &error));
  OK(dictsqlite_close(table, &error));

  OK(dictsqlite_set(dict, dictsqlite_text("x"), text("1"), &error));
  OK(dictsqlite_flush(dict, false, &error));
  OK(dictsqlite_flush(dict, true, &error));
  dictsqlite_stats stats;
  OK(dictsqlite_read_stats(dict, &stats, sizeof stats, &error));
  CHECK(stats.pending_writes == 0 && stats.commits > 0 && stats.committed_operations > 0);
  /* A program with a shorter struct, and one with a longer one. */
  struct { uint64_t first; uint64_t guard; } less = {7, 7};
  OK(dictsqlite_read_stats(dict, (dictsqlite_stats *)(void *)&less, sizeof less.first, &error));
  CHECK(less.first == 0 && less.guard == 7);
  struct { dictsqlite_stats known; uint64_t later; } more;
  more.later = 7;
  OK(dictsqlite_read_stats(dict, &more.known, sizeof more, &error));
  CHECK(more.later == 0 && more.known.commits > 0);
  OK(dictsqlite_close(dict, &error));

  OK(dictsqlite_open(path_to("tables.db"), OPTIONS({"read_only", "true"}, {"table_name", "first"}), &dict, &error));
  CHECK(has(dict, "x", "1"));
  FAILS(DICTSQLITE_READ_ONLY, "read-only", dictsqlite_set(dict, dictsqlite_text("x"), text("2"), &error));
  OK(dictsqlite_close(dict, &error));
  OK(dictsqlite_open(":memory:", dictsqlite_no_options(), &dict, &error));
  OK(dictsqlite_set(dict, dictsqlite_text("x"), text("1"), &error));
  CHECK(has(dict, "x", "1"));
  OK(dictsqlite_close(dict, &error));
}

static void tests(void) {
  CHECK(dictsqlite_version()[0] != '\0');
  values_and_keys();
  batches();
  conditions();
  time_to_live();
  scans();
  tables_and_options();
}
