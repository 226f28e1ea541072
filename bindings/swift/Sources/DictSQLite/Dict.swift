import Foundation

/// Once a process: what was accepted is committed before it ends.
private let flushedAtExit: Void = {
    atexit {
        for line in nativeEnd(seconds: 10) {
            FileHandle.standardError.write(Data("dictsqlite: \(line)\n".utf8))
        }
    }
}()

/// A persistent dict on SQLite: a handle on one table of a store. It may be used by many tasks at once, and the file
/// by many processes.
///
/// A task that is cancelled withdraws its operation if it is not accepted yet; from then on it happens entirely.
/// `blocking` has the same operations for threads that may wait.
public final class Dict<Value: Sendable>: Sendable {
    let native: NativeDict
    let codec: Codec<Value>
    private let info: NativeInfo

    init(_ native: NativeDict, _ codec: Codec<Value>) {
        _ = flushedAtExit
        self.native = native
        self.codec = codec
        self.info = native.info()
    }

    /// Opens the file at `path` (made when missing; `:memory:` for a private in-memory store) and a table in it.
    public static func open(
        _ path: String, _ codec: Codec<Value>, _ options: Options = Options()
    ) async throws -> Dict<Value> {
        let given = options.toNative(codec.storageMode)
        let native = try await awaited { try await nativeOpenAsync(path: path, options: given, ticket: $0) }
        return Dict(native, codec)
    }

    /// The same operations for threads that may wait.
    public var blocking: BlockingDict<Value> { BlockingDict(self) }

    /// The name of the table.
    public var name: String { info.table }

    /// The table's codec.
    public var storageMode: StorageMode { info.storageMode }

    /// What writes of this handle promise.
    public var persistMode: PersistMode { info.persistMode }

    /// The store's path; `nil` for an in-memory store.
    public var path: String? { info.path }

    /// True when nothing can be written.
    public var isReadOnly: Bool { info.readOnly }

    /// True when this handle was closed.
    public var isClosed: Bool { native.isClosed() }

    /// The value of `key`, or `nil`.
    public func get(_ key: Key) async throws -> Value? {
        switch try translated({ try native.peek(key: key) }) {
        case .found(let value): return try codec.decode(value)
        case .absent: return nil
        case .unknown: return try await awaited { try await self.native.getAsync(key: key, ticket: $0) }.map(codec.decode)
        }
    }

    /// The values of many keys, in their order, in one crossing.
    public func getMany(_ keys: [Key]) async throws -> [Value?] {
        try await awaited { try await self.native.getManyAsync(keys: keys, ticket: $0) }.map { try $0.map(codec.decode) }
    }

    /// True when there is an entry for `key`.
    public func contains(_ key: Key) async throws -> Bool {
        try await awaited { try await self.native.containsAsync(key: key, ticket: $0) }
    }

    /// The value of `key` with its version and expiry, or `nil`.
    public func entry(_ key: Key) async throws -> Entry<Value>? {
        try await awaited { try await self.native.entryAsync(key: key, ticket: $0) }.map(codec.entry)
    }

    /// The number of entries.
    public func count() async throws -> Int {
        Int(try await awaited { try await self.native.lenAsync(ticket: $0) })
    }

    /// Sets `key` to `value`. `ttl` in seconds: `nil` for the handle's, `.infinity` for no expiry.
    public func set(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) async throws {
        let bytes = try codec.encode(value)
        if try translated({ try native.trySet(key: key, value: bytes, ttl: toTtl(ttl)) }) {
            return
        }
        try await awaited { try await self.native.setAsync(key: key, value: bytes, ttl: toTtl(ttl), ticket: $0) }
    }

    /// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version; else throws
    /// `conflict`, naming the key.
    @discardableResult
    public func set(_ key: Key, _ value: Value, ifVersion version: Int64, ttl: TimeInterval? = nil) async throws -> Int64 {
        let bytes = try codec.encode(value)
        return try await awaited {
            try await self.native.setIfVersionAsync(key: key, value: bytes, version: version, ttl: toTtl(ttl), ticket: $0)
        }
    }

    /// Sets many keys as one unit: all of it survives a crash, or nothing.
    public func setMany(_ items: [(Key, Value)], ttl: TimeInterval? = nil) async throws {
        let pairs = try codec.pairs(items)
        try await awaited { try await self.native.setManyAsync(pairs: pairs, ttl: toTtl(ttl), ticket: $0) }
    }

    /// Deletes `key`, whether it is there or not.
    public func delete(_ key: Key) async throws {
        if try translated({ try native.tryDelete(key: key) }) {
            return
        }
        try await awaited { try await self.native.deleteAsync(key: key, ticket: $0) }
    }

    /// Deletes `key` if its version is `version`; else throws `conflict`.
    public func delete(_ key: Key, ifVersion version: Int64) async throws {
        try await awaited { try await self.native.deleteIfVersionAsync(key: key, version: version, ticket: $0) }
    }

    /// Deletes many keys as one unit, whether they are there or not.
    public func deleteMany(_ keys: [Key]) async throws {
        try await awaited { try await self.native.deleteManyAsync(keys: keys, ticket: $0) }
    }

    /// Deletes `key` and says whether it was there.
    @discardableResult
    public func remove(_ key: Key) async throws -> Bool {
        try await awaited { try await self.native.removeAsync(key: key, ticket: $0) }
    }

    /// Removes `key` and returns its entry, or `nil`.
    @discardableResult
    public func pop(_ key: Key) async throws -> Entry<Value>? {
        try await awaited { try await self.native.popAsync(key: key, ticket: $0) }.map(codec.entry)
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    @discardableResult
    public func popItem(last: Bool = true) async throws -> Item<Value>? {
        guard let entry = try await awaited({ try await self.native.popItemAsync(last: last, ticket: $0) }) else {
            return nil
        }
        return try codec.item(entry)
    }

    /// The value of `key` if there is one; else sets it to `value` and returns that.
    @discardableResult
    public func setDefault(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) async throws -> Value {
        let bytes = try codec.encode(value)
        let there = try await awaited {
            try await self.native.setDefaultAsync(key: key, value: bytes, ttl: toTtl(ttl), ticket: $0)
        }
        return try there.map { try codec.decode($0.value) } ?? value
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    @discardableResult
    public func incr(_ key: Key, by delta: Int64 = 1) async throws -> Int64 {
        try await awaited { try await self.native.incrAsync(key: key, delta: delta, ticket: $0) }
    }

    /// Changes when an entry expires (`.infinity`: never); false when there is none.
    @discardableResult
    public func expire(_ key: Key, ttl: TimeInterval) async throws -> Bool {
        try await awaited { try await self.native.expireAsync(key: key, ttl: ttl, ticket: $0) }
    }

    /// Removes every entry of the table, and gives how many rows that were.
    @discardableResult
    public func clear() async throws -> Int {
        Int(try await awaited { try await self.native.clearAsync(ticket: $0) })
    }

    /// Pages of entries: a page crosses at once.
    public func pages(_ selection: Selection = Selection()) -> Pages<Item<Value>> {
        let (native, codec) = (self.native, self.codec)
        return Pages(begin: { try native.scan(options: selection.toNative(values: true)) }) { try codec.item($0) }
    }

    /// Entries, read a page at a time.
    public func items(_ selection: Selection = Selection()) -> Elements<Item<Value>> {
        Elements(pages: pages(selection))
    }

    /// Keys, read a page at a time; values are left alone.
    public func keys(_ selection: Selection = Selection()) -> Elements<Key> {
        let native = self.native
        return Elements(pages: Pages(begin: { try native.scan(options: selection.toNative(values: false)) }) { $0.key })
    }

    /// Values, read a page at a time.
    public func values(_ selection: Selection = Selection()) -> Elements<Value> {
        let (native, codec) = (self.native, self.codec)
        return Elements(
            pages: Pages(begin: { try native.scan(options: selection.toNative(values: true)) }) { try codec.item($0).value })
    }

    /// A handle on another table of the same store, with this handle's options; made when it is new.
    public func table<Other: Sendable>(_ name: String, _ codec: Codec<Other>) async throws -> Dict<Other> {
        let native = try await awaited {
            try await self.native.tableAsync(name: name, storageMode: codec.storageMode, ticket: $0)
        }
        return Dict<Other>(native, codec)
    }

    /// Names and codecs of the store's tables.
    public func tables() async throws -> [String: StorageMode] {
        let tables = try await awaited { try await self.native.tablesAsync(ticket: $0) }
        return Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0.storageMode) })
    }

    /// Removes a table and all that is in it; false when there is none.
    @discardableResult
    public func dropTable(_ name: String) async throws -> Bool {
        try await awaited { try await self.native.dropTableAsync(name: name, ticket: $0) }
    }

    /// Waits until every write accepted so far is committed; with `durable`, synced too.
    public func flush(durable: Bool = false) async throws {
        try await awaited { try await self.native.flushAsync(durable: durable, ticket: $0) }
    }

    /// Figures of the store.
    public func stats() throws -> Stats {
        try translated { try native.stats() }
    }

    /// Flushes and closes this handle; the last one closes the store. Closing twice is fine. When it throws, the
    /// handle stays open, nothing is lost, and closing can be tried again.
    public func close() async throws {
        try await awaited { try await self.native.shutAsync(ticket: $0) }
    }
}
