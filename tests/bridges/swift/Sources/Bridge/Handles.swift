import DictSQLite
import Foundation

/// What the runner knows by numbers of its own.
enum Known {
    static var handles: [Int: Dict<Data>] = [:]
    static var transactions: [Int: Transaction<Data>] = [:]
    static var savepoints: [Int: Savepoint] = [:]
    static var streams: [Int: ChangeStream] = [:]
    static var watches: [Int: WatchStream<Data>] = [:]

    static func handle(_ r: Request) throws -> Dict<Data> {
        try known(handles[r.handle], "handle")
    }

    static func known<Thing>(_ thing: Thing?, _ what: String) throws -> Thing {
        guard let thing = thing else { throw Malformed(what: "no such \(what)") }
        return thing
    }
}
