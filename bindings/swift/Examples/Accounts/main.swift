import DictSQLite

var options = Options()
options.changes = true
let db = try await Dict.open("accounts.db", .json, options)
try await db.setMany([("account:ada", "100"), ("account:bob", "100")])

// All of it happens or nothing. After a conflict the block runs again.
try await db.transaction { tx in
    let left = try await tx.incr("account:ada", by: -7)
    try await tx.incr("account:bob", by: 7)
    if left < 0 {
        try tx.rollback()
    }
}

// What depends on versions alone needs no block: one crossing, one unit.
if let seen = try await db.entry("account:bob")?.version {
    try await db.atomic().check("account:bob", version: seen).incr("account:bob", by: -20).set("order:1", #""tea""#).commit()
}

// What was committed, in order, by whichever process: here from the beginning of the log.
for try await change in db.changes(since: 0, prefix: "order:") {
    print(change.kind, change.key, try change.new(.json) ?? "-")
    break
}

// What is: the state of a key, and the latest each time that it has changed.
for try await watched in db.watch("account:bob") {
    print(watched.entry?.value ?? "-")
    break
}
try await db.close()
