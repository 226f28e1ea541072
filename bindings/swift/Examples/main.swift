import DictSQLite

let db = try await Dict.open("app.db", .json, Options(persistMode: .lazy))
try await db.set("user:1", #"{"name":"Ada"}"#)
try await db.set("session", #""token""#, ttl: 3600)
print(try await db.get("user:1") ?? "nobody")

// Many keys cross at once, and as one unit: all of it survives a crash, or nothing.
try await db.setMany((1...1000).map { (["order", Key(Int64($0))], #"{"total":\#($0)}"#) })
print(try await db.getMany(["user:1", "nobody"]).map { $0 ?? "-" })

// Sequences read a page at a time; the dict may be changed meanwhile.
for try await item in db.items(Selection(prefix: ["order"], reverse: true, limit: 2)) {
    print(item.key, item.value)
}

// Decided by the writer: right across tasks, threads and processes.
try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 0..<100 {
        group.addTask { try await db.incr("hits") }
    }
    try await group.waitForAll()
}
print(try await db.get("hits") ?? "0")

if let entry = try await db.entry("user:1") {
    try await db.set("user:1", #"{"name":"Ada Lovelace"}"#, ifVersion: entry.version)
    do {
        try await db.set("user:1", "{}", ifVersion: entry.version)
    } catch let error as DictError where error.kind == .conflict {
        print("conflict at", error.key == "user:1")
    }
}
try await db.close()
