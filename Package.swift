// swift-tools-version: 6.2
import PackageDescription

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

// Strict settings for every target. What each upcoming feature does:
// https://docs.swift.org/compiler/documentation/diagnostics/upcoming-language-features/
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .strictMemorySafety(),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

func target(_ name: String, _ dependencies: Target.Dependency...) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: Target.Dependency...) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.target(name: name)] + dependencies,
    swiftSettings: strict)
}

let package = Package(
  name: "hyprstream",
  products: [
    .executable(name: "hyprstream", targets: ["hyprstream"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
  ],
  targets: [
    // Level 0: C.
    .target(name: "CArrow"),
    .target(
      name: "CCompression",
      linkerSettings: [.linkedLibrary(":liblz4.a"), .linkedLibrary(":libzstd.a")]),
    .target(name: "CChecksum"),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib"),
    .target(name: "CDuckDB", exclude: ["functions.inc"]),
    .target(name: "CADBC", exclude: ["functions.inc"]),
    .target(
      name: "CEdit",
      linkerSettings: [
        .linkedLibrary(":libedit.a"), .linkedLibrary(":libbsd.a"), .linkedLibrary(":libmd.a"),
        .linkedLibrary(":libtinfo.a"),
      ]),

    target("Threads"),
    target("Libraries"),

    // Level 1.
    target("Telemetry", metrics, logging),
    target("Columnar", "CArrow", "CCompression"),

    // Level 2.
    target("DuckDB", "CDuckDB", "Columnar", "Libraries", "Threads"),
    target("ADBC", "CADBC", "CArrow", "Columnar", "Libraries", "Threads", deque),
    target("GRPC", "CZlib", nioCore, nioPosix, nioHTTP2, nioHPACK, logging),
    target("FlightProtocol", "Columnar", nioCore, protobuf),
    target("Log", "CChecksum", "Columnar", "Threads", deque),

    // Level 3.
    target("Dataflow", "Columnar"),
    target("SQL"),
    target("Engine", "ADBC", "Columnar", "DuckDB", "Threads", deque),

    // Level 4.
    target(
      "Database", "ADBC", "Columnar", "Dataflow", "DuckDB", "Engine", "Log", "SQL", "Telemetry", "Threads",
      logging, deque),
    target("Settings"),
    target("DataFolder"),

    // Level 5.
    target(
      "FlightServer", "Columnar", "Database", "Engine", "FlightProtocol", "GRPC", "SQL", "Telemetry",
      nioCore, protobuf, logging),
    target("Shell", "CEdit", "Columnar", "SQL"),
    target("FlightClient", "Columnar", "FlightProtocol", "GRPC", nioCore, protobuf),
    target(
      "Console", "Columnar", "Database", .product(name: "Hummingbird", package: "hummingbird"), metrics, logging,
      lifecycle),
    target(
      "SettingsLoading", "Settings",
      .product(name: "Configuration", package: "swift-configuration"), "TOMLKit",
      .product(name: "SystemPackage", package: "swift-system")),

    // Level 6.
    .executableTarget(
      name: "hyprstream",
      dependencies: [
        "ADBC", "Settings", "SettingsLoading", "DataFolder", "Telemetry", "Console", "Database", "DuckDB",
        "Engine", "FlightServer", "FlightClient", "FlightProtocol", "GRPC", "Columnar", "Log", "SQL",
        "Shell",
        metrics, logging, lifecycle, signals,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    // Programs that tests and benchmarks run.
    .executableTarget(
      name: "columnar-roundtrip", dependencies: ["Columnar"],
      path: "Tests/Support/columnar-roundtrip", swiftSettings: strict),
    .executableTarget(
      name: "grpc-echo", dependencies: ["GRPC", nioCore, logging], path: "Tools/grpc-echo",
      swiftSettings: strict),

    .target(name: "TestSupport", path: "Tests/Support/TestSupport", swiftSettings: strict),

    // Tests, in the order of what they test.
    tests(of: "Columnar"),
    tests(of: "DuckDB", "Columnar"),
    tests(of: "ADBC", "Columnar", "TestSupport"),
    tests(of: "GRPC", nioCore, nioPosix, nioHPACK, nioHTTP2, logging),
    tests(of: "FlightProtocol", "Columnar", nioCore, protobuf),
    tests(of: "Log", "Columnar", "TestSupport"),
    tests(of: "Dataflow", "Columnar", "TestSupport"),
    .testTarget(
      name: "SQLTests", dependencies: ["SQL", "TestSupport"], exclude: ["slt", "corpus"],
      swiftSettings: strict),
    tests(of: "Engine", "Columnar", "DuckDB", "Threads"),
    tests(
      of: "Database", "ADBC", "SQL", "Columnar", "DuckDB", "Engine", "Log", "TestSupport", "Telemetry", logging),
    tests(of: "Settings"),
    tests(of: "SettingsLoading", "Settings"),
    tests(of: "DataFolder"),
    tests(of: "Telemetry", "Console", metrics, logging),
    tests(of: "Shell", "Columnar"),
    tests(of: "FlightClient", "Columnar", "FlightProtocol", "GRPC", nioCore, protobuf),
    tests(of: "FlightServer", "Columnar", "DuckDB", "FlightProtocol", protobuf),
  ])

// Benchmarks are built only when asked for: users need none of them.
if ProcessInfo.processInfo.environment["BENCHMARK"] != nil {
  package.targets += [
    .executableTarget(
      name: "hyprstream-load", dependencies: ["GRPC", nioCore, nioPosix],
      path: "Benchmarks/LoadGenerator", swiftSettings: strict),
    .executableTarget(
      name: "cache-trace", dependencies: ["Engine"], path: "Benchmarks/Cache", swiftSettings: strict),
    .executableTarget(
      name: "duckdb-bench", dependencies: ["DuckDB", "Columnar"], path: "Benchmarks/DuckDB",
      swiftSettings: strict),
  ]
}
