import Foundation

/// What a store and a table are opened with; `nil` is as the engine has it, which is said in brackets. Times are in
/// seconds.
public struct Options: Equatable, Sendable {
    /// What a write of this handle promises (`writeThrough`).
    public var persistMode: PersistMode?
    /// The table (`main`).
    public var table: String?
    /// Write-through: at most this many less one acknowledged writes are uncommitted (100).
    public var bufferSize: UInt64?
    /// Lazy and memory: how long a write may stay uncommitted (0.2).
    public var flushInterval: TimeInterval?
    /// Bytes the cache may hold; the store's first handle decides (256 MiB).
    public var cacheBytes: UInt64?
    /// Entries the cache may hold, 0 for no cache; the store's first handle decides (a million).
    public var hotCapacity: UInt64?
    /// How long an operation may wait for a lock, for room or for its commit (30).
    public var timeout: TimeInterval?
    /// How long new entries live unless a call says otherwise (for ever).
    public var ttl: TimeInterval?
    /// Opens an existing file and never writes to it.
    public var readOnly = false
    /// Adds our tables to a SQLite database that is not ours, instead of refusing it.
    public var adopt = false
    /// Bytes of accepted, uncommitted writes before writers must wait; the first handle decides (64 MiB).
    public var memtableBytes: UInt64?
    /// Whether the table's changes are logged: true sees to it, false refuses a table whose changes are (as it is).
    public var changes: Bool?

    public init(persistMode: PersistMode? = nil, table: String? = nil, ttl: TimeInterval? = nil) {
        self.persistMode = persistMode
        self.table = table
        self.ttl = ttl
    }

    func toNative(_ storageMode: StorageMode) -> NativeOptions {
        NativeOptions(
            persistMode: persistMode,
            storageMode: storageMode,
            table: table,
            bufferSize: bufferSize,
            flushInterval: flushInterval,
            cacheBytes: cacheBytes,
            hotCapacity: hotCapacity,
            timeout: timeout,
            ttl: ttl,
            readOnly: readOnly,
            adopt: adopt,
            memtableBytes: memtableBytes,
            changes: changes
        )
    }
}

/// Which entries a scan gives. With `prefix`, `start` (included) or `end` (not included) they come in key order
/// (integers, text, bytes), else in insertion order.
public struct Selection: Equatable, Sendable {
    /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements.
    public var prefix: Key?
    /// Only keys not below this one.
    public var start: Key?
    /// Only keys below this one.
    public var end: Key?
    /// From the end to the start.
    public var reverse: Bool
    /// At most this many entries.
    public var limit: UInt64?
    /// The order, when it is not to be chosen as described above.
    public var order: Order?
    /// One moment for the whole scan, at the price of an open read transaction.
    public var consistent: Bool

    public init(
        prefix: Key? = nil,
        start: Key? = nil,
        end: Key? = nil,
        reverse: Bool = false,
        limit: UInt64? = nil,
        order: Order? = nil,
        consistent: Bool = false
    ) {
        self.prefix = prefix
        self.start = start
        self.end = end
        self.reverse = reverse
        self.limit = limit
        self.order = order
        self.consistent = consistent
    }

    func toNative(values: Bool) -> NativeScanOptions {
        NativeScanOptions(
            prefix: prefix,
            start: start,
            end: end,
            reverse: reverse,
            limit: limit,
            order: order,
            consistent: consistent,
            values: values
        )
    }
}

/// A time to live as it crosses: not a number for the handle's own.
func toTtl(_ ttl: TimeInterval?) -> Double {
    ttl ?? .nan
}
