import Columnar
import Foundation
import TestSupport
import Testing

@testable import ADBC

@Suite struct ManagerTests {
  @Test func `the driver manager is loaded once`() throws {
    let manager = try DriverManager.load()
    #expect(try DriverManager.load() === manager)
    #expect(try DriverManager.load(searching: [manager.path]) === manager)
    #expect(throws: DriverManager.LoadError.otherLoaded(path: manager.path)) {
      try DriverManager.load(searching: ["/elsewhere/libadbc_driver_manager.so"])
    }
  }

  @Test func `a library that is no driver manager is refused, and the loaded one stays`() throws {
    let connection = try Backend.sqlite.connect()
    let library = try Driver.find("duckdb").location
    let reason = try #require(DriverManager.bind(library))
    #expect(reason.contains(library) && reason.contains("has no function Adbc"), "\(reason)")
    #expect(DriverManager.bind("/nowhere.so")?.contains("/nowhere.so") == true)
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test func `an error about the driver manager says what to set`() {
    let error = DriverManager.LoadError.notFound(attempts: ["a (no such file)", "b is broken"])
    #expect(error.description.contains("HYPRSTREAM_ADBC_DRIVER_MANAGER"))
    #expect(error.description.contains("a (no such file); b is broken"))
  }

  @Test func `the driver manager is looked for in the usual places`() {
    let paths = DriverManager.searchPath()
    #expect(paths.contains { $0.hasSuffix("/lib/libadbc_driver_manager.so") })
    #expect(paths.contains(".deps/lib/libadbc_driver_manager.so"))
    #expect(paths.contains("libadbc_driver_manager.so"))
  }

  @Test func `a driver is found by its manifest, which wins over what is bundled`() throws {
    let folder = NSTemporaryDirectory() + "manifests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let library = try Driver.find("sqlite", manifestFolders: []).location
    let absolute = URL(fileURLWithPath: library).path
    let manifest = """
      manifest_version = 1
      name = "SQLite under another name"
      version = "1.0.0"

      [Driver]
      shared = "\(absolute)"
      """
    for name in ["lite", "sqlite"] {
      try manifest.write(toFile: "\(folder)/\(name).toml", atomically: true, encoding: .utf8)
    }
    let driver = try Driver.find("lite", manifestFolders: [folder])
    #expect(driver.location == "\(folder)/lite.toml")
    #expect(
      try Driver.find("sqlite", manifestFolders: [folder]).location == "\(folder)/sqlite.toml")
    let database = try ADBCDatabase(DriverManager.load(), driver: driver, uri: ":memory:")
    #expect(try database.connect().value("SELECT 1") == "1")
    // And by its path.
    let byPath = try Driver.find("\(folder)/lite.toml")
    #expect(
      try ADBCDatabase(DriverManager.load(), driver: byPath, uri: ":memory:").connect()
        .value("SELECT 1") == "1")
  }

  @Test func `drivers have short names, and more than one`() throws {
    let location = try Driver.find("postgresql").location
    #expect(try Driver.find("postgres").location == location)
    #expect(try Driver.find("adbc_driver_postgresql").location == location)
    #expect(try Driver.find("duckdb").entryPoint == "duckdb_adbc_init")
    #expect(try Driver.find("flightsql").location.hasSuffix("libadbc_driver_flightsql.so"))
    #expect(try Driver.find(try Driver.find("duckdb").location).entryPoint == "duckdb_adbc_init")
    #expect(throws: ADBCError.self) { try Driver.find("") }
  }

  @Test func `a server's connections are closed when those who hold them let go`() throws {
    let watcher = try Backend.postgresql.connect()
    let name = freshName("held")
    let count = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = '\(name)'"
    do {
      let database = try ADBCDatabase(
        DriverManager.load(), driver: .find("postgresql"),
        uri: postgres().uri() + "?application_name=\(name)")
      var results: [ADBCResult] = []
      for _ in 0..<5 {
        // The result alone holds its statement and its connection.
        let result = try database.connect().query("SELECT generate_series(1, 100000)")
        _ = try result.next()
        results.append(result)
      }
      #expect(try watcher.value(count) == "5")
      // And a statement that fails, and a database that cannot connect.
      _ = try failure { () throws(ADBCError) in try database.connect().execute("SELEC") }
    }
    // The server takes a moment to notice.
    while try watcher.value(count) != "0" {}
  }

  @Test func `Flight SQL's driver reports a server that is not there`() throws {
    let settings = try ConnectionSettings(connection: "grpc://u:hush-hush@127.0.0.1:1")
    let manager = try DriverManager.load()
    let error = try failure { () throws(ADBCError) in
      let connection = try settings.open(manager).connect()
      _ = try connection.query("SELECT 1").next()
    }
    #expect(
      error.status == .io || error.status == .unknown || error.status == .internal,
      "\(error.status) \(error)")
    #expect(!"\(error)\(error.details)".contains("hush"))
  }
}
