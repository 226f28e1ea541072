import DictSQLite
import Foundation

private let formats: [String: ExportFormat] = ["jsonl": .jsonLines, "binary": .binary]
private let ways: [String: OnConflict] = ["replace": .replace, "skip": .skip, "error": .error]

/// The answer to a request that is about whole files; nil for another one.
func fileAnswer(_ r: Request) async throws -> Any? {
    let tables = r.json["tables"] as? [String] ?? []
    switch r.text("op") {
    case "restore":
        return try await Dict<Data>.restore(
            from: r.text("source"), to: r.text("path"), overwrite: r.flag("overwrite"))
    case "backup": return try await Known.handle(r).backup(to: r.text("dest"), overwrite: r.flag("overwrite"))
    case "export":
        let options = ExportOptions(
            format: try named(formats, r.json["format"]) ?? .jsonLines,
            tables: tables,
            allTables: r.flag("all_tables"),
            prefix: try r.key("prefix"),
            overwrite: r.flag("overwrite"))
        return try await Known.handle(r).export(to: r.text("dest"), options)
    case "import_export":
        let way = try named(ways, r.json["on_conflict"]) ?? .replace
        let done = try await Known.handle(r).importFile(r.text("source"), onConflict: way, tables: tables)
        return [
            "read": done.read, "written": done.written, "skipped": done.skipped, "expired": done.expired,
        ] as Object
    case "warm":
        let done = try await Known.handle(r).warm(prefix: try r.key("prefix"))
        return [done.read, done.cached]
    case "vacuum":
        let done = try await Known.handle(r).vacuum()
        return [done.before, done.after]
    case "checkpoint":
        let done = try await Known.handle(r).checkpoint()
        return [done.frames, done.moved]
    case "integrity_check": return try await Known.handle(r).integrityCheck()
    default: return nil
    }
}
