import DictSQLite
import Foundation

private let transactionModes: [String: TransactionMode] = [
    "concurrent": .concurrent, "immediate": .immediate, "read": .read,
]
private let isolations: [String: Isolation] = ["serializable": .serializable, "snapshot": .snapshot]

/// The answer to a request that is about a transaction or an atomic unit; nil for another one.
func transactionAnswer(_ r: Request) async throws -> Any? {
    if r.text("op") == "begin" {
        let options = TransactionOptions(
            mode: try named(transactionModes, r.json["mode"]),
            isolation: try named(isolations, r.json["isolation"]),
            timeout: r.number("timeout")?.doubleValue,
            maxHold: r.number("max_hold")?.doubleValue
        )
        Known.transactions[r.number("tx")?.intValue ?? -1] = try await Known.handle(r).begin(options)
        return true
    }
    if r.text("op") == "atomic" {
        return try await gathered(try Known.handle(r).atomic(), r).commit()
    }
    guard let number = r.number("tx")?.intValue else { return nil }
    let tx = try Known.known(Known.transactions[number], "transaction")
    switch r.text("op") {
    case "get": return valueOut(try await tx.get(try r.key()))
    case "contains": return try await tx.contains(try r.key())
    case "len": return try await tx.count()
    case "entry": return entryOut(try await tx.entry(try r.key()))
    case "set":
        try tx.set(try r.key(), r.value, ttl: r.ttl)
        return true
    case "delete":
        try tx.delete(try r.key())
        return true
    case "pop": return valueOut(try await tx.pop(try r.key())?.value)
    case "setdefault": return hex(try await tx.setDefault(try r.key(), r.value, ttl: r.ttl))
    case "incr": return try await tx.incr(try r.key(), by: r.number("by")?.int64Value ?? 1)
    case "expire": return try await tx.expire(try r.key(), ttl: r.ttl ?? .infinity)
    case "clear":
        try await tx.clear()
        return true
    case "page": return try await page(tx, r)
    case "table":
        var mode = try named(storageModes, r.options.json["storage_mode"])
        if mode == nil {
            mode = try await Known.handle(r).tables()[r.text("name")]
        }
        let other = try await tx.table(r.text("name"), stored(mode ?? tx.storageMode))
        Known.transactions[r.number("as")?.intValue ?? -1] = other
        return true
    case "savepoint":
        Known.savepoints[r.number("savepoint")?.intValue ?? -1] = try tx.savepoint()
        return true
    case "rollback_to":
        try tx.rollback(to: try savepoint(r))
        return true
    case "release":
        try tx.release(try savepoint(r))
        return true
    case "commit": return try await tx.commit()
    case "rollback":
        try tx.rollback()
        return true
    default: throw Absent()
    }
}

private func savepoint(_ r: Request) throws -> Savepoint {
    try Known.known(Known.savepoints[r.number("savepoint")?.intValue ?? -1], "savepoint")
}

private func gathered(_ unit: Atomic<Data>, _ r: Request) throws -> Atomic<Data> {
    var unit = unit
    for check in r.json["checks"] as? [[Any]] ?? [] {
        unit = unit.check(try keyIn(check[0]), version: (check[1] as? NSNumber)?.int64Value ?? 0)
    }
    for write in (r.json["writes"] as? [Object] ?? []).map({ Request(json: $0) }) {
        if let key = try write.key("set") {
            unit = try unit.set(key, write.value, ttl: write.ttl)
        } else if let key = try write.key("incr") {
            unit = unit.incr(key, by: write.number("by")?.int64Value ?? 1)
        } else if let key = try write.key("delete") {
            unit = unit.delete(key)
        }
    }
    return unit
}

private func page(_ tx: Transaction<Data>, _ r: Request) async throws -> [Any] {
    var found: [Any] = []
    let selection = try r.toSelection()
    switch r.text("what") {
    case "keys":
        for try await key in tx.keys(selection) { found.append(keyOut(key)) }
    case "values":
        for try await value in tx.values(selection) { found.append(hex(value)) }
    default:
        for try await item in tx.items(selection) { found.append(itemOut(item)) }
    }
    return found
}
