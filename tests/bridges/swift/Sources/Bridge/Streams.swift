import DictSQLite
import Foundation

private func changeOut(_ change: Change) throws -> Any {
    let codec = stored(change.storageMode)
    return [
        "seq": change.seq,
        "kind": "\(change.kind)",
        "table": change.table,
        "key": keyOut(change.key),
        "old": valueOut(try change.old(codec)),
        "new": valueOut(try change.new(codec)),
        "expires_at": milliseconds(change.expiresAt),
    ] as Object
}

/// The answer to a request that is about changes or watches; nil for another one.
func streamAnswer(_ r: Request) async throws -> Any? {
    let stream = r.number("stream")?.intValue ?? -1
    let watch = r.number("watch")?.intValue ?? -1
    let count = r.number("count")
    switch r.text("op") {
    case "enable_changes":
        try await Known.handle(r).enableChanges(count: count?.int64Value, age: r.number("age")?.doubleValue)
        return true
    case "has_changes": return try await Known.handle(r).hasChanges()
    case "changes":
        let tables = r.json["tables"] as? [String]
        Known.streams[stream] = try await Known.handle(r).changeStream(
            since: r.number("since")?.int64Value, tables: tables, prefix: try r.key("prefix"))
        return true
    case "next_changes":
        let changes = try Known.known(Known.streams[stream], "stream")
        var found: [Change] = []
        while found.count < count?.intValue ?? 1 {
            found += try await changes.page()
        }
        return try found.map(changeOut)
    case "position": return try Known.known(Known.streams[stream], "stream").position
    case "close_changes":
        try Known.known(Known.streams[stream], "stream").close()
        return true
    case "watch":
        Known.watches[watch] = try await Known.handle(r).watchStream(try r.keys(), prefix: try r.key("prefix"))
        return true
    case "next_watched":
        let watched = try Known.known(Known.watches[watch], "watch")
        var found: [Watched<Data>] = []
        while found.count < count?.intValue ?? 1 {
            found += try await watched.page()
        }
        return found.map { [keyOut($0.key), entryOut($0.entry)] as [Any] }
    case "close_watch":
        try Known.known(Known.watches[watch], "watch").close()
        return true
    default: return nil
    }
}
