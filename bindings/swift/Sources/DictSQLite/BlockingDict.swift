import Foundation

/// The operations of a `Dict` for threads that may wait: every call blocks until its mode's promise is kept. Not for
/// the threads of Swift's own concurrency.
public struct BlockingDict<Value: Sendable>: Sendable {
    /// The same handle for tasks; closing either closes both.
    public let dict: Dict<Value>

    init(_ dict: Dict<Value>) {
        self.dict = dict
    }

    var native: NativeDict { dict.native }
    var codec: Codec<Value> { dict.codec }

    /// Opens the file at `path` (made when missing; `:memory:` for a private in-memory store) and a table in it.
    public static func open(
        _ path: String, _ codec: Codec<Value>, _ options: Options = Options()
    ) throws -> BlockingDict<Value> {
        let given = options.toNative(codec.storageMode)
        return Dict(try translated { try nativeOpen(path: path, options: given) }, codec).blocking
    }

    /// See `Dict.get`.
    public func get(_ key: Key) throws -> Value? {
        try translated { try native.get(key: key) }.map(codec.decode)
    }

    /// See `Dict.getMany`.
    public func getMany(_ keys: [Key]) throws -> [Value?] {
        try translated { try native.getMany(keys: keys) }.map { try $0.map(codec.decode) }
    }

    /// See `Dict.contains`.
    public func contains(_ key: Key) throws -> Bool {
        try translated { try native.contains(key: key) }
    }

    /// See `Dict.entry`.
    public func entry(_ key: Key) throws -> Entry<Value>? {
        try translated { try native.entry(key: key) }.map(codec.entry)
    }

    /// See `Dict.count`.
    public func count() throws -> Int {
        Int(try translated { try native.len() })
    }

    /// See `Dict.set`.
    public func set(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) throws {
        let bytes = try codec.encode(value)
        try translated { try native.set(key: key, value: bytes, ttl: toTtl(ttl)) }
    }

    /// See `Dict.set(_:_:ifVersion:ttl:)`.
    @discardableResult
    public func set(_ key: Key, _ value: Value, ifVersion version: Int64, ttl: TimeInterval? = nil) throws -> Int64 {
        let bytes = try codec.encode(value)
        return try translated { try native.setIfVersion(key: key, value: bytes, version: version, ttl: toTtl(ttl)) }
    }

    /// See `Dict.setMany`.
    public func setMany(_ items: [(Key, Value)], ttl: TimeInterval? = nil) throws {
        let pairs = try codec.pairs(items)
        try translated { try native.setMany(pairs: pairs, ttl: toTtl(ttl)) }
    }

    /// See `Dict.delete`.
    public func delete(_ key: Key) throws {
        try translated { try native.delete(key: key) }
    }

    /// See `Dict.delete(_:ifVersion:)`.
    public func delete(_ key: Key, ifVersion version: Int64) throws {
        try translated { try native.deleteIfVersion(key: key, version: version) }
    }

    /// See `Dict.deleteMany`.
    public func deleteMany(_ keys: [Key]) throws {
        try translated { try native.deleteMany(keys: keys) }
    }

    /// See `Dict.remove`.
    @discardableResult
    public func remove(_ key: Key) throws -> Bool {
        try translated { try native.remove(key: key) }
    }

    /// See `Dict.pop`.
    @discardableResult
    public func pop(_ key: Key) throws -> Entry<Value>? {
        try translated { try native.pop(key: key) }.map(codec.entry)
    }

    /// See `Dict.popItem`.
    @discardableResult
    public func popItem(last: Bool = true) throws -> Item<Value>? {
        guard let entry = try translated({ try native.popItem(last: last) }) else { return nil }
        return try codec.item(entry)
    }

    /// See `Dict.setDefault`.
    @discardableResult
    public func setDefault(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) throws -> Value {
        let bytes = try codec.encode(value)
        let there = try translated { try native.setDefault(key: key, value: bytes, ttl: toTtl(ttl)) }
        return try there.map { try codec.decode($0.value) } ?? value
    }

    /// See `Dict.incr`.
    @discardableResult
    public func incr(_ key: Key, by delta: Int64 = 1) throws -> Int64 {
        try translated { try native.incr(key: key, delta: delta) }
    }

    /// See `Dict.expire`.
    @discardableResult
    public func expire(_ key: Key, ttl: TimeInterval) throws -> Bool {
        try translated { try native.expire(key: key, ttl: ttl) }
    }

    /// See `Dict.clear`.
    @discardableResult
    public func clear() throws -> Int {
        Int(try translated { try native.clear() })
    }

    /// Gives every page of a scan to `body`.
    public func forEachPage(_ selection: Selection = Selection(), _ body: ([Item<Value>]) throws -> Void) throws {
        let scan = try translated { try native.scan(options: selection.toNative(values: true)) }
        while true {
            let page = try translated { try scan.nextPage() }
            if page.isEmpty {
                return
            }
            try body(page.map { try codec.item($0) })
        }
    }

    /// See `Dict.table`.
    public func table<Other: Sendable>(_ name: String, _ codec: Codec<Other>) throws -> BlockingDict<Other> {
        let other = try translated { try native.table(name: name, storageMode: codec.storageMode) }
        return Dict<Other>(other, codec).blocking
    }

    /// See `Dict.tables`.
    public func tables() throws -> [String: StorageMode] {
        let tables = try translated { try native.tables() }
        return Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0.storageMode) })
    }

    /// See `Dict.dropTable`.
    @discardableResult
    public func dropTable(_ name: String) throws -> Bool {
        try translated { try native.dropTable(name: name) }
    }

    /// See `Dict.flush`.
    public func flush(durable: Bool = false) throws {
        try translated { try native.flush(durable: durable) }
    }

    /// See `Dict.close`.
    public func close() throws {
        try translated { try native.shut() }
    }
}
