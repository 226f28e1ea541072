// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "Bridge",
    platforms: [.macOS(.v12)],
    dependencies: [.package(name: "DictSQLite", path: "../../../bindings/swift")],
    targets: [
        .executableTarget(name: "Bridge", dependencies: [.product(name: "DictSQLite", package: "DictSQLite")])
    ]
)
