import Foundation

/// A value with what the store knows about it.
public struct Entry<Value: Sendable>: Sendable {
    public let value: Value
    /// The number of the operation that wrote it; never reused within a store.
    public let version: Int64
    /// When it expires; `nil` for never.
    public let expiresAt: Date?
}

/// A key and its entry.
public struct Item<Value: Sendable>: Sendable {
    public let key: Key
    public let value: Value
    /// The number of the operation that wrote it; never reused within a store.
    public let version: Int64
    /// When it expires; `nil` for never.
    public let expiresAt: Date?
}

/// Figures of a store since it was opened in this process.
public typealias Stats = NativeStats

func date(_ milliseconds: Int64?) -> Date? {
    milliseconds.map { Date(timeIntervalSince1970: Double($0) / 1000) }
}

extension Codec {
    func entry(_ entry: NativeEntry) throws -> Entry<Value> {
        Entry(value: try decode(entry.value), version: entry.version, expiresAt: date(entry.expiresAt))
    }

    func item(_ entry: NativeEntry) throws -> Item<Value> {
        guard let key = entry.key else {
            throw DictError(kind: .internal, detail: "the engine gave an item without its key", key: nil)
        }
        return Item(
            key: key, value: try decode(entry.value), version: entry.version, expiresAt: date(entry.expiresAt))
    }

    func item(_ item: NativeItem) throws -> Item<Value> {
        guard let value = item.value else {
            throw DictError(kind: .internal, detail: "the engine gave an item without its value", key: nil)
        }
        return Item(
            key: item.key, value: try decode(value), version: item.version, expiresAt: date(item.expiresAt))
    }

    func pairs(_ items: [(Key, Value)]) throws -> [NativePair] {
        try items.map { NativePair(key: $0.0, value: try encode($0.1)) }
    }
}
