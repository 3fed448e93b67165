import Columnar
import Foundation
import Log
import SQL
import Testing

@testable import Database

struct StreamCreationTests {
  @Test func `a name that is taken leaves nothing behind, also if the server ends meanwhile`()
    async throws
  {
    let folder =
      FileManager.default.temporaryDirectory.path + "/taken-\(UInt64.random(in: 0...(.max)))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let server = try await StreamDatabase(path: folder + "/tables.duckdb")
    var session = try server.session
    try await session.run("CREATE TABLE t (a INTEGER)")
    #expect(await session.failure("CREATE STREAM t (a INTEGER)")?.code == .alreadyExists)
    try await session.run("DROP TABLE t")
    try await session.run("CREATE STREAM t (a INTEGER)")
    try await session.run("DROP STREAM t")
    // What a crash leaves after the catalog has the stream, and before DuckDB has said that it cannot be.
    try await session.run("CREATE TABLE taken (a INTEGER)")
    var definition = try session.newDefinition(QualifiedName("taken"))
    definition.versions[0].columns = try await session.columns(of: [
      StreamColumn(name: "a", type: "INTEGER")
    ])
    definition.topic = try server.eventLog.createTopic(named: "taken", settings: TopicSettings())
    try await server.database.streams.record(definition)
    for _ in 0..<2 {
      try await server.restart()
      session = try server.session
      #expect(try await session.rows("SHOW STREAMS").count == 1, "metrics")
      #expect(server.eventLog.topic(definition.topic) == nil)
      #expect(try await session.count("SELECT count(*) FROM taken") == 0)
    }
    await server.database.close()
  }

  @Test func `many streams are made and found again, with columns of plain and other types`()
    async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    for index in 0..<50 {
      let type = ["BIGINT", "timestamptz", "DECIMAL(9,2)", "VARCHAR DEFAULT 'x'"][index % 4]
      try await session.run("CREATE STREAM many_\(index) (a \(type), b Timestamp)")
    }
    for _ in 0..<2 {
      let types = try await session.rows(
        "SELECT data_type, count(*) FROM information_schema.columns WHERE table_name LIKE 'many%' "
          + "AND table_schema = 'main' GROUP BY 1 ORDER BY 1")
      #expect(
        types == [
          ["BIGINT", "13"], ["DECIMAL(9,2)", "12"], ["TIMESTAMP", "50"],
          ["TIMESTAMP WITH TIME ZONE", "13"], ["VARCHAR", "12"],
        ])
      try await server.restart()
      session = try server.session
    }
    await server.database.close()
  }
}
