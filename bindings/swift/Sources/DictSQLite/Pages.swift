import Foundation

/// Pages of what a scan gives; a page crosses at once. Each time the sequence is iterated another scan begins, and
/// the dict may be changed meanwhile.
public struct Pages<Element: Sendable>: AsyncSequence, Sendable {
    let begin: @Sendable () throws -> NativeScan
    let convert: @Sendable (NativeItem) throws -> Element

    public struct AsyncIterator: AsyncIteratorProtocol {
        let pages: Pages<Element>
        var scan: NativeScan?
        var ended = false

        public mutating func next() async throws -> [Element]? {
            if ended {
                return nil
            }
            let scan = try self.scan ?? translated(pages.begin)
            self.scan = scan
            let page = try await awaited { try await scan.nextPageAsync(ticket: $0) }
            if page.isEmpty {
                // Frees the scan, and what a consistent one holds.
                self.scan = nil
                ended = true
                return nil
            }
            return try page.map(pages.convert)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: self)
    }
}

/// What a scan gives, one by one, read a page at a time.
public struct Elements<Element: Sendable>: AsyncSequence, Sendable {
    let pages: Pages<Element>

    public struct AsyncIterator: AsyncIteratorProtocol {
        var pages: Pages<Element>.AsyncIterator
        var page: [Element] = []
        var at = 0

        public mutating func next() async throws -> Element? {
            if at == page.count {
                guard let page = try await pages.next() else { return nil }
                self.page = page
                at = 0
            }
            at += 1
            return page[at - 1]
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: pages.makeAsyncIterator())
    }
}
