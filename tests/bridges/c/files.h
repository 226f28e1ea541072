/* The bridge's part about whole files. */
#ifndef BRIDGE_FILES_H
#define BRIDGE_FILES_H

/* Names of tables, for the time of one request. */
static const char *const *tables_in(const json *request, size_t *count) {
  const json *tables = json_member(request, "tables");
  *count = json_count(tables);
  const char **names = kept((*count + 1) * sizeof *names), **next = names;
  for (const json *name = tables ? tables->first : NULL; name != NULL; name = name->next) *next++ = name->text;
  return names;
}

/* The place of a name in a list; a number that is none for another name. */
static uint32_t named(const json *name, const char *const *names, uint32_t count) {
  uint32_t at = 0;
  while (name != NULL && at < count && strcmp(name->text, names[at]) != 0) at++;
  return at;
}

static void restore(const json *request) {
  const char *source = needed(request, "source")->text, *path = needed(request, "path")->text;
  dictsqlite_restore_options options = {.overwrite = flag_in(request, "overwrite", false)};
  dictsqlite_code code;
  NUMBER(uint64_t, dictsqlite_restore(source, path, &options, &put, &error),
         dictsqlite_restore_async(source, path, &options, LATER));
  answer_number(code);
}

static void export_file(dictsqlite_dict d, const json *request) {
  static const char *const formats[] = {"jsonl", "binary"};
  const char *dest = needed(request, "dest")->text;
  const json *prefix = json_member(request, "prefix");
  dictsqlite_export_options options = {.format = named(json_member(request, "format"), formats, 2),
                                       .all_tables = flag_in(request, "all_tables", false),
                                       .overwrite = flag_in(request, "overwrite", false)};
  options.tables = tables_in(request, &options.tables_len);
  dictsqlite_key key;
  if (prefix) {
    key = key_in(prefix);
    options.prefix = &key;
  }
  dictsqlite_code code;
  NUMBER(uint64_t, dictsqlite_export(d, dest, &options, &put, &error), dictsqlite_export_async(d, dest, &options, LATER));
  answer_number(code);
}

static void import_file(dictsqlite_dict d, const json *request) {
  static const char *const ways[] = {"replace", "skip", "error"};
  const char *source = needed(request, "source")->text;
  dictsqlite_import_options options = {.on_conflict = named(json_member(request, "on_conflict"), ways, 3)};
  options.tables = tables_in(request, &options.tables_len);
  dictsqlite_code code = EITHER(dictsqlite_import(d, source, &options, &last.imported, &error),
                                dictsqlite_import_async(d, source, &options, LATER));
  if (code) {
    error_out(code, error);
    return;
  }
  printf("{\"ok\":{\"read\":%llu,\"written\":%llu,\"skipped\":%llu,\"expired\":%llu}}\n",
         (unsigned long long)last.imported.read, (unsigned long long)last.imported.written,
         (unsigned long long)last.imported.skipped, (unsigned long long)last.imported.expired);
}

static void answer_two(dictsqlite_code code, uint64_t one, uint64_t two) {
  if (code) error_out(code, error);
  else printf("{\"ok\":[%llu,%llu]}\n", (unsigned long long)one, (unsigned long long)two);
}

/* False if it is none of these. */
static bool on_files(dictsqlite_dict d, const char *op, const json *request) {
  dictsqlite_code code;
  if (strcmp(op, "backup") == 0) {
    const char *dest = needed(request, "dest")->text;
    dictsqlite_backup_options options = {.overwrite = flag_in(request, "overwrite", false)};
    NUMBER(uint64_t, dictsqlite_backup(d, dest, &options, &put, &error), dictsqlite_backup_async(d, dest, &options, LATER));
    answer_number(code);
  } else if (strcmp(op, "export") == 0) {
    export_file(d, request);
  } else if (strcmp(op, "import_export") == 0) {
    import_file(d, request);
  } else if (strcmp(op, "warm") == 0) {
    const json *prefix = json_member(request, "prefix");
    dictsqlite_key key;
    if (prefix) key = key_in(prefix);
    const dictsqlite_key *begin = prefix ? &key : NULL;
    code = EITHER(dictsqlite_warm(d, begin, NULL, &last.warmed, &error), dictsqlite_warm_async(d, begin, NULL, LATER));
    answer_two(code, last.warmed.read, last.warmed.cached);
  } else if (strcmp(op, "vacuum") == 0) {
    code = EITHER(dictsqlite_vacuum(d, &last.vacuumed, &error), dictsqlite_vacuum_async(d, LATER));
    answer_two(code, last.vacuumed.before, last.vacuumed.after);
  } else if (strcmp(op, "checkpoint") == 0) {
    code = EITHER(dictsqlite_checkpoint(d, &last.checkpointed, &error), dictsqlite_checkpoint_async(d, LATER));
    answer_two(code, last.checkpointed.frames, last.checkpointed.moved);
  } else if (strcmp(op, "integrity_check") == 0) {
    code = EITHER(dictsqlite_integrity_check(d, &last.problems, &error), dictsqlite_integrity_check_async(d, LATER));
    if (code) {
      error_out(code, error);
      return true;
    }
    printf("{\"ok\":[");
    for (size_t i = 0; i < last.problems.len; i++) {
      if (i) putchar(',');
      string_out(last.problems.items[i]);
    }
    printf("]}\n");
  } else {
    return false;
  }
  return true;
}

#endif
