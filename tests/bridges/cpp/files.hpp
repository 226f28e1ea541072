// The bridge's part about whole files.
#ifndef BRIDGE_FILES_HPP
#define BRIDGE_FILES_HPP

std::vector<std::string> tables_of(const json &request) {
  std::vector<std::string> names;
  if (const json *tables = json_member(&request, "tables"))
    for (const json *name = tables->first; name; name = name->next) names.push_back(text_of(*name));
  return names;
}

// The place of a name in a list; a number that is none for another name.
std::uint32_t named(const json &request, const char *field, std::initializer_list<const char *> names) {
  const json *name = json_member(&request, field);
  if (!name) return 0;
  return static_cast<std::uint32_t>(std::find(names.begin(), names.end(), text_of(*name)) - names.begin());
}

std::string two(std::uint64_t one, std::uint64_t other) { return "[" + shape(one) + "," + shape(other) + "]"; }

std::string restored(const json &request, bool later) {
  const auto source = text_of(needed(request, "source")), path = text_of(needed(request, "path"));
  dictsqlite::restore_options options;
  options.overwrite = flag(request, "overwrite");
  return shape(later ? dictsqlite::store::restore_async(source, path, options).get()
                     : dictsqlite::store::restore(source, path, options));
}

// Empty if it is none of these.
std::string on_files(const dictsqlite::dict &d, const std::string &op, const json &request, bool later) {
  const json *prefix = json_member(&request, "prefix");
  if (op == "backup") {
    const auto dest = text_of(needed(request, "dest"));
    dictsqlite::backup_options options;
    options.overwrite = flag(request, "overwrite");
    return shape(later ? d.backup_async(dest, options).get() : d.backup(dest, options));
  }
  if (op == "export") {
    const auto dest = text_of(needed(request, "dest"));
    dictsqlite::export_options options;
    options.format = static_cast<dictsqlite::export_format>(named(request, "format", {"jsonl", "binary"}));
    options.tables = tables_of(request);
    options.all_tables = flag(request, "all_tables");
    if (prefix) options.prefix = key_of(*prefix);
    options.overwrite = flag(request, "overwrite");
    return shape(later ? d.export_to_async(dest, options).get() : d.export_to(dest, options));
  }
  if (op == "import_export") {
    const auto source = text_of(needed(request, "source"));
    dictsqlite::import_options options;
    options.tables = tables_of(request);
    options.on_conflict =
        static_cast<dictsqlite::on_conflict>(named(request, "on_conflict", {"replace", "skip", "error"}));
    const auto done = later ? d.import_from_async(source, options).get() : d.import_from(source, options);
    return "{\"read\":" + shape(done.read) + ",\"written\":" + shape(done.written) + ",\"skipped\":" +
           shape(done.skipped) + ",\"expired\":" + shape(done.expired) + "}";
  }
  if (op == "warm") {
    dictsqlite::warm_options options;
    if (prefix) options.prefix = key_of(*prefix);
    const auto done = later ? d.warm_async(options).get() : d.warm(options);
    return two(done.read, done.cached);
  }
  if (op == "vacuum") {
    const auto done = later ? d.vacuum_async().get() : d.vacuum();
    return two(done.before, done.after);
  }
  if (op == "checkpoint") {
    const auto done = later ? d.checkpoint_async().get() : d.checkpoint();
    return two(done.frames, done.moved);
  }
  if (op == "integrity_check") {
    std::string out;
    for (const auto &problem : later ? d.integrity_check_async().get() : d.integrity_check())
      out += (out.empty() ? "" : ",") + quoted(problem);
    return "[" + out + "]";
  }
  return {};
}

#endif
