// swift-tools-version:5.9
import PackageDescription

// The native library (libdictsqlite_uniffi) is found by the linker: `swift build -Xlinker -LDIR`.
let package = Package(
    name: "DictSQLite",
    platforms: [.macOS(.v12), .iOS(.v15), .tvOS(.v15), .watchOS(.v8)],
    products: [
        .library(name: "DictSQLite", targets: ["DictSQLite"])
    ],
    targets: [
        .systemLibrary(name: "DictSQLiteFFI"),
        .target(name: "DictSQLite", dependencies: ["DictSQLiteFFI"]),
        .executableTarget(name: "Example", dependencies: ["DictSQLite"], path: "Examples", exclude: ["Accounts"]),
        .executableTarget(name: "Accounts", dependencies: ["DictSQLite"], path: "Examples/Accounts"),
        .testTarget(name: "DictSQLiteTests", dependencies: ["DictSQLite"]),
    ]
)
