/* What no program should do: each gives an error that says so, and nothing crashes. */
#include "check.h"

static void nulls(void) {
  dictsqlite_dict dict = opened("nulls.db");
  dictsqlite_key key = dictsqlite_text("k");
  dictsqlite_slice value = dictsqlite_str("v");
  FAILS(DICTSQLITE_INVALID, "path is NULL", dictsqlite_open(NULL, dictsqlite_no_options(), &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_open(path_to("x.db"), dictsqlite_no_options(), NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_get(dict, key, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_contains(dict, key, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_get_entry(dict, key, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_len(dict, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_get_many(dict, (dictsqlite_key_list){&key, 1}, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_pop(dict, key, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_pop_item(dict, true, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_incr(dict, key, 1, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_clear(dict, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "stats is NULL", dictsqlite_read_stats(dict, NULL, 8, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_scan_begin(dict, NULL, NULL, &error));
  FAILS(DICTSQLITE_INVALID, "name is NULL", dictsqlite_open_table(dict, NULL, NULL, &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_INVALID, "value is NULL", dictsqlite_set(dict, key, dictsqlite_data(NULL, 1), &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_set(dict, dictsqlite_text_n(NULL, 3), value, &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_delete(dict, dictsqlite_bytes(NULL, 3), &error));
  FAILS(DICTSQLITE_INVALID, "NULL", dictsqlite_delete(dict, dictsqlite_tuple(NULL, 3), &error));
  FAILS(DICTSQLITE_INVALID, "keys is NULL", dictsqlite_delete_many(dict, (dictsqlite_key_list){NULL, 2}, &error));
  FAILS(DICTSQLITE_INVALID, "items is NULL",
        dictsqlite_set_many(dict, (dictsqlite_pair_list){NULL, 2}, DICTSQLITE_TTL_DEFAULT, &error));
  FAILS(DICTSQLITE_INVALID, "options is NULL",
        dictsqlite_open(path_to("x.db"), (dictsqlite_option_list){NULL, 1}, &(dictsqlite_dict){0}, &error));
  dictsqlite_option option = {"ttl", NULL};
  FAILS(DICTSQLITE_INVALID, "ttl of an option is NULL",
        dictsqlite_open(path_to("x.db"), (dictsqlite_option_list){&option, 1}, &(dictsqlite_dict){0}, &error));
  option = (dictsqlite_option){NULL, "1"};
  FAILS(DICTSQLITE_INVALID, "name of an option is NULL",
        dictsqlite_open(path_to("x.db"), (dictsqlite_option_list){&option, 1}, &(dictsqlite_dict){0}, &error));

  OK(dictsqlite_close(dict, &error));

  /* Nobody has to ask for the error, and freeing nothing is fine. */
  CHECK(dictsqlite_set(dict, dictsqlite_text("k"), value, NULL) == DICTSQLITE_CLOSED);
  dictsqlite_value_free(NULL);
  dictsqlite_entry_free(NULL);
  dictsqlite_values_free(NULL);
  dictsqlite_page_free(NULL);
  dictsqlite_tables_free(NULL);
  dictsqlite_error_free(NULL);
  dictsqlite_key none;
  CHECK(!dictsqlite_error_key(NULL, &none) && none.type == 0 && !dictsqlite_error_is_transient(NULL));
  CHECK(dictsqlite_error_code(NULL) == DICTSQLITE_OK && dictsqlite_error_message(NULL)[0] == '\0');
  CHECK(dictsqlite_code_name(99) == NULL && strcmp(dictsqlite_code_name(4), "Conflict") == 0);
}

static void lengths_and_text(void) {
  dictsqlite_dict dict = opened("lengths.db");
  FAILS(DICTSQLITE_INVALID, "which no memory has",
        dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_data("x", SIZE_MAX), &error));
  FAILS(DICTSQLITE_INVALID, "which no memory has", dictsqlite_delete(dict, dictsqlite_text_n("x", SIZE_MAX / 2 + 1), &error));
  dictsqlite_key key = dictsqlite_integer(1);
  FAILS(DICTSQLITE_INVALID, "which no memory has", dictsqlite_delete(dict, dictsqlite_tuple(&key, SIZE_MAX / 16), &error));
  FAILS(DICTSQLITE_INVALID, "not aligned",
        dictsqlite_delete_many(dict, (dictsqlite_key_list){(const dictsqlite_key *)((uintptr_t)&key + 1), 1}, &error));
  FAILS(DICTSQLITE_KEY_TYPE, "not UTF-8 from byte 2", dictsqlite_delete(dict, dictsqlite_text("ab\xff"), &error));
  FAILS(DICTSQLITE_KEY_TYPE, "not UTF-8", dictsqlite_delete(dict, dictsqlite_text("\xed\xa0\x80"), &error));
  dictsqlite_key unknown = {0};
  FAILS(DICTSQLITE_KEY_TYPE, "type of the key is 0", dictsqlite_delete(dict, unknown, &error));
  unknown.type = 77;
  FAILS(DICTSQLITE_KEY_TYPE, "type of the key is 77", dictsqlite_delete(dict, dictsqlite_tuple(&unknown, 1), &error));
  dictsqlite_key inner = dictsqlite_tuple(&key, 1);
  FAILS(DICTSQLITE_KEY_TYPE, "flatten", dictsqlite_delete(dict, dictsqlite_tuple(&inner, 1), &error));
  size_t huge = 17u << 20;
  char *bytes = calloc(huge, 1);
  FAILS(DICTSQLITE_KEY_TYPE, "at most", dictsqlite_delete(dict, dictsqlite_bytes(bytes, huge), &error));
  free(bytes);
  dictsqlite_scan scan;
  dictsqlite_scan_options options = {0};
  options.flags = 64;
  FAILS(DICTSQLITE_INVALID, "flags is 0x40", dictsqlite_scan_begin(dict, &options, &scan, &error));
  options.flags = DICTSQLITE_SCAN_KEY_ORDER | DICTSQLITE_SCAN_INSERTION_ORDER;
  FAILS(DICTSQLITE_INVALID, "two orders", dictsqlite_scan_begin(dict, &options, &scan, &error));
  options = (dictsqlite_scan_options){.prefix = &key};
  FAILS(DICTSQLITE_KEY_TYPE, "prefix", dictsqlite_scan_begin(dict, &options, &scan, &error));
  FAILS(DICTSQLITE_INVALID, "table name", dictsqlite_open_table(dict, "", NULL, &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_UNSUPPORTED, "Python only", dictsqlite_open_table(dict, "p", "pickle", &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_INVALID, "path is empty", dictsqlite_open("", dictsqlite_no_options(), &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_INVALID, "the options are",
        dictsqlite_open(path_to("x.db"), OPTIONS({"bufer_size", "1"}), &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_INVALID, "twice",
        dictsqlite_open(path_to("x.db"), OPTIONS({"ttl", "1"}, {"ttl", "1"}), &(dictsqlite_dict){0}, &error));
  FAILS(DICTSQLITE_IO, "cannot open", dictsqlite_open(path_to("no/such/dir.db"), dictsqlite_no_options(),
                                                      &(dictsqlite_dict){0}, &error));
  OK(dictsqlite_close(dict, &error));
}

static void closed_handles(void) {
  dictsqlite_dict dict = opened("closed.db"), copy = dict;
  OK(dictsqlite_close(dict, &error));
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_close(copy, &error));
  dictsqlite_dict next = opened("closed.db"); /* It has the slot that `dict` had. */
  dictsqlite_value value;
  FAILS(DICTSQLITE_CLOSED, "closed", dictsqlite_get(dict, dictsqlite_text("k"), &value, &error));
  CHECK(value.data == NULL);
  dictsqlite_dict wrong[5] = {{0}, {1}, {UINT64_MAX}, {next.id + 1}, {next.id + ((uint64_t)1 << 32)}};
  for (int i = 0; i < 5; i++) {
    FAILS(DICTSQLITE_CLOSED, i == 0 ? "never opened" : "closed", dictsqlite_close(wrong[i], &error));
    CHECK(!dictsqlite_is_open(wrong[i]));
    FAILS(DICTSQLITE_CLOSED, "dict", dictsqlite_flush(wrong[i], false, &error));
  }
  dictsqlite_queue queue = {0};
  FAILS(DICTSQLITE_CLOSED, "queue", dictsqlite_queue_close(queue, &error));
  /* The dict of a scan is closed before the scan. */
  dictsqlite_scan scan;
  dictsqlite_page page;
  OK(dictsqlite_set(next, dictsqlite_text("k"), dictsqlite_str("v"), &error));
  OK(dictsqlite_scan_begin(next, NULL, &scan, &error));
  OK(dictsqlite_close(next, &error));
  FAILS(DICTSQLITE_CLOSED, "", dictsqlite_scan_next(scan, &page, &error));
  OK(dictsqlite_scan_close(scan, &error));
}

/* More handles than there are slots: told, and all right again when some are closed. */
static void many_handles(void) {
  enum { MOST = 65536 };
  dictsqlite_dict dict = opened("many.db");
  dictsqlite_scan *scans = calloc(MOST, sizeof *scans), another;
  for (int i = 0; i < MOST; i++) OK(dictsqlite_scan_begin(dict, NULL, &scans[i], &error));
  FAILS(DICTSQLITE_FULL, "close some", dictsqlite_scan_begin(dict, NULL, &another, &error));
  OK(dictsqlite_scan_close(scans[7], &error));
  OK(dictsqlite_scan_begin(dict, NULL, &scans[7], &error));
  for (int i = 0; i < MOST; i++) OK(dictsqlite_scan_close(scans[i], &error));
  free(scans);
  OK(dictsqlite_close(dict, &error));
}

static void tests(void) {
  nulls();
  lengths_and_text();
  closed_handles();
  many_handles();
}
