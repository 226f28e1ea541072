// Drives the package for the conformance suite: one JSON request a line in, one JSON answer a line out.
// The protocol is described in tests/bridges/README.md.

import DictSQLite
import Foundation

/// There is no such operation.
struct Absent: Error {}

/// The request makes no sense.
struct Malformed: Error {
    let what: String
}

typealias Object = [String: Any]

func stored(_ mode: StorageMode) -> Codec<Data> {
    Codec(storageMode: mode, encode: { $0 }, decode: { $0 })
}

func hex(_ bytes: Data) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
}

func unhex(_ text: String) -> Data {
    let digits = Array(text.utf8)
    let pairs = stride(from: 0, to: digits.count - 1, by: 2)
    return Data(pairs.map { UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16) ?? 0 })
}

func keyIn(_ json: Any?) throws -> Key {
    guard let object = json as? Object else { throw Malformed(what: "no key") }
    if let text = object["s"] as? String { return Key(text) }
    if let number = object["i"] as? NSNumber { return Key(number.int64Value) }
    if let bytes = object["b"] as? String { return Key(unhex(bytes)) }
    if let items = object["t"] as? [Any] { return .tuple(items: try items.map(keyIn)) }
    throw Malformed(what: "no key: \(object)")
}

func keyOut(_ key: Key) -> Any {
    switch key {
    case .text(let value): return ["s": value]
    case .integer(let value): return ["i": value]
    case .bytes(let value): return ["b": hex(value)]
    case .tuple(let items): return ["t": items.map(keyOut)]
    }
}

func valueOut(_ value: Data?) -> Any {
    value.map(hex) ?? NSNull()
}

func itemOut(_ item: Item<Data>?) -> Any {
    guard let item = item else { return NSNull() }
    return [keyOut(item.key), hex(item.value)]
}

func milliseconds(_ date: Date?) -> Any {
    date.map { Int64(($0.timeIntervalSince1970 * 1000).rounded()) } ?? NSNull()
}

func entryOut(_ entry: Entry<Data>?) -> Any {
    guard let entry = entry else { return NSNull() }
    let expires = milliseconds(entry.expiresAt)
    return ["value": hex(entry.value), "version": entry.version, "expires_at": expires] as Object
}

let persistModes: [String: PersistMode] = [
    "memory": .memory, "lazy": .lazy, "writethrough": .writeThrough, "durable": .durable,
]
let storageModes: [String: StorageMode] = ["bytes": .bytes, "json": .json, "jsonb": .jsonb, "pickle": .pickle]
let orders: [String: Order] = ["insertion": .insertion, "key": .key]

func named<Mode>(_ modes: [String: Mode], _ name: Any?) throws -> Mode? {
    guard let name = name as? String else { return nil }
    guard let mode = modes[name] else { throw Absent() }
    return mode
}

struct Request {
    let json: Object

    func text(_ name: String) -> String { json[name] as? String ?? "" }
    func number(_ name: String) -> NSNumber? { json[name] as? NSNumber }
    func flag(_ name: String) -> Bool { number(name)?.boolValue ?? false }
    func key() throws -> Key { try keyIn(json["key"]) }
    func key(_ name: String) throws -> Key? { try json[name].map(keyIn) }
    func keys() throws -> [Key] { try (json["keys"] as? [Any] ?? []).map(keyIn) }
    var handle: Int { number("h")?.intValue ?? -1 }
    var value: Data { unhex(text("value")) }
    var ttl: Double? { number("ttl")?.doubleValue }
    var options: Request { Request(json: json["options"] as? Object ?? [:]) }

    func pairs() throws -> [(Key, Data)] {
        try (json["items"] as? [[Any]] ?? []).map { (try keyIn($0[0]), unhex($0[1] as? String ?? "")) }
    }

    func toOptions() throws -> Options {
        var options = Options(
            persistMode: try named(persistModes, json["persist_mode"]), table: json["table"] as? String, ttl: ttl)
        options.bufferSize = number("buffer_size")?.uint64Value
        options.flushInterval = number("flush_interval")?.doubleValue
        options.cacheBytes = number("cache_bytes")?.uint64Value
        options.hotCapacity = number("hot_capacity")?.uint64Value
        options.timeout = number("timeout")?.doubleValue
        options.readOnly = flag("read_only")
        options.adopt = flag("adopt")
        options.changes = number("changes")?.boolValue
        return options
    }

    func toSelection() throws -> Selection {
        Selection(
            prefix: try key("prefix"),
            start: try key("start"),
            end: try key("end"),
            reverse: flag("reverse"),
            limit: number("limit")?.uint64Value,
            order: try named(orders, json["order"]),
            consistent: flag("consistent")
        )
    }
}

func name<Mode: Equatable>(_ mode: Mode, in modes: [String: Mode]) -> String {
    modes.first { $0.value == mode }?.key ?? "?"
}

func info(_ db: Dict<Data>) -> Object {
    [
        "table": db.name,
        "storage_mode": name(db.storageMode, in: storageModes),
        "persist_mode": name(db.persistMode, in: persistModes),
        "path": db.path ?? NSNull(),
        "read_only": db.isReadOnly,
        "closed": db.isClosed,
    ]
}

func stats(_ db: Dict<Data>) throws -> Object {
    let s = try db.stats()
    return [
        "pending_writes": s.pendingWrites,
        "pending_bytes": s.pendingBytes,
        "cached_entries": s.cachedEntries,
        "cached_bytes": s.cachedBytes,
        "misses": s.misses,
        "commits": s.commits,
        "committed_operations": s.committedOperations,
        "failed_commits": s.failedCommits,
        "checkpoints": s.checkpoints,
        "swept_entries": s.sweptEntries,
        "wal_frames": s.walFrames,
    ]
}

func page(_ db: Dict<Data>, _ r: Request) async throws -> [Any] {
    var found: [Any] = []
    let selection = try r.toSelection()
    switch r.text("what") {
    case "keys":
        for try await key in db.keys(selection) { found.append(keyOut(key)) }
    case "values":
        for try await value in db.values(selection) { found.append(hex(value)) }
    default:
        for try await item in db.items(selection) { found.append(itemOut(item)) }
    }
    return found
}

func answer(_ r: Request) async throws -> Any {
    if r.text("op") == "hello" {
        return [
            "protocol": 1, "language": "swift", "version": nativeVersion(), "forms": ["async"],
            "lacks": ["mode_names"],
        ] as Object
    }
    if r.text("op") == "open" {
        let mode = try named(storageModes, r.options.json["storage_mode"]) ?? .bytes
        Known.handles[r.handle] = try await Dict.open(r.text("path"), stored(mode), try r.options.toOptions())
        return true
    }
    if let said = try await transactionAnswer(r) { return said }
    if let said = try await streamAnswer(r) { return said }
    if let said = try await fileAnswer(r) { return said }
    let db = try Known.handle(r)
    switch r.text("op") {
    case "table":
        var mode = try named(storageModes, r.options.json["storage_mode"])
        if mode == nil {
            mode = try await db.tables()[r.text("name")]
        }
        Known.handles[r.number("as")?.intValue ?? -1] = try await db.table(r.text("name"), stored(mode ?? db.storageMode))
        return true
    case "tables": return try await db.tables().keys.sorted()
    case "drop_table": return try await db.dropTable(r.text("name"))
    case "info": return info(db)
    case "get": return valueOut(try await db.get(try r.key()))
    case "contains": return try await db.contains(try r.key())
    case "len": return try await db.count()
    case "entry":
        return entryOut(try await db.entry(try r.key()))
    case "set":
        if let version = r.number("if_version") {
            return try await db.set(try r.key(), r.value, ifVersion: version.int64Value, ttl: r.ttl)
        }
        try await db.set(try r.key(), r.value, ttl: r.ttl)
        return true
    case "delete":
        if let version = r.number("if_version") {
            try await db.delete(try r.key(), ifVersion: version.int64Value)
        } else {
            try await db.delete(try r.key())
        }
        return true
    case "remove": return try await db.remove(try r.key())
    case "pop": return valueOut(try await db.pop(try r.key())?.value)
    case "popitem": return itemOut(try await db.popItem(last: r.number("last")?.boolValue ?? true))
    case "setdefault": return hex(try await db.setDefault(try r.key(), r.value, ttl: r.ttl))
    case "incr": return try await db.incr(try r.key(), by: r.number("by")?.int64Value ?? 1)
    case "expire": return try await db.expire(try r.key(), ttl: r.ttl ?? .infinity)
    case "clear":
        try await db.clear()
        return true
    case "get_many": return try await db.getMany(try r.keys()).map(valueOut)
    case "set_many":
        try await db.setMany(try r.pairs(), ttl: r.ttl)
        return true
    case "delete_many":
        try await db.deleteMany(try r.keys())
        return true
    case "page": return try await page(db, r)
    case "flush":
        try await db.flush(durable: r.flag("durable"))
        return true
    case "stats": return try stats(db)
    case "close":
        try await db.close()
        return true
    default: throw Absent()
    }
}

func refusal(_ error: DictError) -> Object {
    let name = "\(error.kind)"
    var answer: Object = ["error": name.prefix(1).uppercased() + name.dropFirst(), "message": error.detail]
    answer["key"] = error.key.map(keyOut)
    return answer
}

while let line = readLine() {
    var said: Object
    do {
        guard let request = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? Object else {
            throw Malformed(what: "no object: \(line)")
        }
        said = ["ok": try await answer(Request(json: request))]
    } catch is Absent {
        said = ["absent": true]
    } catch let error as DictError {
        said = refusal(error)
    } catch {
        said = ["bug": "\(error)"]
    }
    let bytes = try JSONSerialization.data(withJSONObject: said, options: [.fragmentsAllowed])
    FileHandle.standardOutput.write(bytes + Data("\n".utf8))
}
for tx in Known.transactions.values {
    tx.close()
}
for db in Known.handles.values {
    try await db.close()
}
