import Foundation

// `dict.get("user:1")`, `dict.get(7)`, `dict.get(["2024", 7])`: literals are keys.

extension Key: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) {
        self = .text(value: value)
    }
}

extension Key: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) {
        self = .integer(value: value)
    }
}

extension Key: ExpressibleByArrayLiteral {
    /// A tuple key.
    public init(arrayLiteral elements: Key...) {
        self = .tuple(items: elements)
    }
}

extension Key {
    /// A text key.
    public init(_ text: String) {
        self = .text(value: text)
    }

    /// An integer key.
    public init(_ number: Int64) {
        self = .integer(value: number)
    }

    /// A key of bytes.
    public init(_ bytes: Data) {
        self = .bytes(value: bytes)
    }
}
