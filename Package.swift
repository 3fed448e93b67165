// swift-tools-version: 6.2
import PackageDescription

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
let package = Package(name: "hyprstream", targets: [ .target(name: "Columnar", swiftSettings: strict) ])
