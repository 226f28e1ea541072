import Foundation

/// How a table's values become bytes and come back. The storage mode is recorded with the table; opening it with
/// another one is an error that says so.
public struct Codec<Value: Sendable>: Sendable {
    /// How the table stores values.
    public let storageMode: StorageMode
    let encode: @Sendable (Value) throws -> Data
    let decode: @Sendable (Data) throws -> Value

    /// A codec of your own; in `json` and `jsonb` tables the bytes are JSON text in UTF-8.
    public init(
        storageMode: StorageMode,
        encode: @escaping @Sendable (Value) throws -> Data,
        decode: @escaping @Sendable (Data) throws -> Value
    ) {
        self.storageMode = storageMode
        self.encode = encode
        self.decode = decode
    }
}

extension Codec where Value == Data {
    /// Bytes, as they are.
    public static var bytes: Codec<Data> {
        Codec(storageMode: .bytes, encode: { $0 }, decode: { $0 })
    }
}

extension Codec where Value == String {
    /// Text, stored as its UTF-8 bytes.
    public static var text: Codec<String> { utf8(.bytes) }

    /// Strict JSON text, kept as it is written.
    public static var json: Codec<String> { utf8(.json) }

    /// JSON text, stored in SQLite's binary form, so that queries and indexes reach inside.
    public static var jsonb: Codec<String> { utf8(.jsonb) }

    private static func utf8(_ mode: StorageMode) -> Codec<String> {
        Codec(
            storageMode: mode,
            encode: { Data($0.utf8) },
            decode: { stored in
                guard let text = String(data: stored, encoding: .utf8) else {
                    let detail = "the stored bytes are not UTF-8 text; open the table with Codec.bytes"
                    throw DictError(kind: .codec, detail: detail, key: nil)
                }
                return text
            }
        )
    }
}

extension Codec where Value: Codable {
    /// Any `Codable` value, as JSON; `binary` stores it in SQLite's binary form.
    public static func codable(_ type: Value.Type = Value.self, binary: Bool = false) -> Codec<Value> {
        Codec(
            storageMode: binary ? .jsonb : .json,
            encode: { try JSONEncoder().encode($0) },
            decode: { try JSONDecoder().decode(Value.self, from: $0) }
        )
    }
}
