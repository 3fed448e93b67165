import Columnar
import Foundation
import Log
import Testing

@testable import Database

/// Which values come back from Parquet files, bit by bit, and what happens to the others.
struct ColdTypeTests {
  /// Columns of a type with its extreme values, and a null.
  private static let columns: [(String, String)] = [
    ("b BOOLEAN", "true"), ("i8 TINYINT", "-128"), ("u64 UBIGINT", "18446744073709551615"),
    ("i64 BIGINT", "-9223372036854775808"), ("f FLOAT", "'-nan'::FLOAT"),
    ("d DOUBLE", "'-0.0'::DOUBLE"),
    ("inf DOUBLE", "'-infinity'::DOUBLE"),
    ("dec DECIMAL(38, 10)", "-1234567890123456789012345678.0123456789"),
    ("small DECIMAL(4, 1)", "-999.9"), ("huge HUGEINT", "99999999999999999999999999999999999999"),
    ("t VARCHAR", "'ä\\0' || chr(0) || '日本'"), ("e VARCHAR", "''"),
    ("bin BLOB", "'\\x00\\xFF'::BLOB"),
    ("day DATE", "'9999-12-31'"), ("old DATE", "'0001-01-01'"), ("clock TIME", "'23:59:59.999999'"),
    ("ts TIMESTAMP", "'infinity'"), ("early TIMESTAMP", "'1677-01-01 00:00:00.000001'"),
    ("s TIMESTAMP_S", "'9999-12-31 23:59:59'"), ("ms TIMESTAMP_MS", "'2024-02-29 01:02:03.004'"),
    ("ns TIMESTAMP_NS", "'2024-02-29 01:02:03.004005006'"),
    ("tz TIMESTAMPTZ", "'2024-02-29 01:02:03.004005+02'"),
    ("id UUID", "'00112233-4455-6677-8899-aabbccddeeff'"),
    ("j JSON", "'{\"a\": [1, null]}'"), ("list INTEGER[]", "[1, NULL, 3]"),
    ("none VARCHAR[]", "[]"),
    ("vec FLOAT[3]", "[1, NULL, 3]"),
    ("st STRUCT(a INTEGER, b STRUCT(c VARCHAR[]))", "{a: NULL, b: {c: ['x', NULL]}}"),
    ("m MAP(VARCHAR, DOUBLE)", "MAP {'k': 1.5, 'l': NULL}"),
  ]

  @Test func `values come back bit by bit`() async throws {
    let test = try await ColdDatabase()
    try await test.run(
      "CREATE STREAM s (\(Self.columns.map(\.0).joined(separator: ", "))) "
        + "WITH (tier_after = '1 hour')")
    let values = Self.columns.map(\.1).joined(separator: ", ")
    let nulls = Self.columns.map { _ in "NULL" }.joined(separator: ", ")
    try await test.run("INSERT INTO s VALUES (\(values)), (\(nulls)), (\(values))")
    try await test.run("INSERT INTO s SELECT * FROM s")
    let before = try await test.session.batches("SELECT * FROM s")
    test.clock.advance(seconds: 3_700)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(6))
    #expect(test.database.tiering.problem(of: try test.topic) == nil)
    try await test.restart()
    let after = try await test.session.batches("SELECT * FROM s")
    let (one, other) = (try Batch.concatenate(before), try Batch.concatenate(after))
    #expect(one.schema == other.schema)
    #expect(one.rowCount == other.rowCount)
    for (index, field) in one.schema.fields.enumerated() {
      #expect(one.columns[index].hasSameValues(as: other.columns[index]), "\(field.name)")
    }
    await test.close()
  }

  @Test func `types of Arrow that DuckDB has not come back, where they can`() async throws {
    let test = try await ColdDatabase()
    let text = Column.strings(["a", nil, "ccc"])
    let large = try #require(text.restored(as: .largeUTF8))
    let fixed = try #require(
      Column.binaries([[1, 2], nil, [3, 4]]).restored(as: .fixedSizeBinary(byteWidth: 2)))
    let zone = Column.fixedWidth(
      .timestamp(.microsecond, timeZone: "Europe/Berlin"), [Int64.min + 1, nil, 5] as [Int64?])
    try await test.makeStream(
      batch([("large", large), ("fixed", fixed), ("zone", zone)]), as: "s")
    try await test.run("ALTER STREAM s SET (tier_after = '1 hour')")
    let before = try Batch.concatenate(try await test.session.batches("SELECT * FROM s"))
    test.clock.advance(seconds: 3_700)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(3))
    #expect(test.database.tiering.problem(of: try test.topic) == nil)
    try await test.restart()
    let after = try Batch.concatenate(try await test.session.batches("SELECT * FROM s"))
    #expect(before.schema == after.schema)
    for index in before.columns.indices {
      #expect(before.columns[index].hasSameValues(as: after.columns[index]))
    }
    await test.close()
  }

  @Test(arguments: [
    ("span INTERVAL", "span"), ("mood ENUM('a', 'b')", "mood"),
    ("u UNION(a INTEGER, b VARCHAR)", "u"), ("deep STRUCT(x INTERVAL)[]", "deep"),
  ])
  func `columns that would not come back are refused by name`(column: String, name: String)
    async throws
  {
    let test = try await ColdDatabase()
    let refused = await test.session.failure(
      "CREATE STREAM s (id BIGINT, \(column)) WITH (tier_after = '1 hour')")
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.message.contains("'\(name)'") == true)
    try await test.run("CREATE STREAM s (id BIGINT) WITH (tier_after = '1 hour')")
    let added = await test.session.failure("ALTER STREAM s ADD COLUMN \(column)")
    #expect(added?.message.contains("'\(name)'") == true)
    try await test.run("ALTER STREAM s SET (tier_after = 'never')")
    try await test.run("ALTER STREAM s ADD COLUMN \(column)")
    let set = await test.session.failure("ALTER STREAM s SET (tier_after = '1 day')")
    #expect(set?.message.contains("'\(name)'") == true)
    await test.close()
  }

  @Test func `values that DuckDB cannot write keep their rows in the log, and it is said`()
    async throws
  {
    let test = try await ColdDatabase()
    // More seconds than DuckDB's microseconds can count.
    let seconds = Column.fixedWidth(
      .timestamp(.second, timeZone: nil), [Int64.max / 1_000] as [Int64?])
    try await test.makeStream(batch([("at", seconds)]), as: "s")
    try await test.run("ALTER STREAM s SET (tier_after = '1 hour')")
    test.clock.advance(seconds: 3_700)
    try await test.maintain()
    #expect(try test.coldFiles.isEmpty)
    #expect(test.paths.isEmpty)
    let listed = try #require(try await test.rows("SHOW STREAMS").first { $0[0] == "s" })
    #expect(listed[14].hasPrefix("rows stay in the log: "))
    let rows = try await test.session.batches("SELECT * FROM s")
    #expect(rows.first?.columns[0].hasSameValues(as: seconds) == true)
    await test.close()
  }

  @Test func `places that the operator has not allowed are refused`() async throws {
    var options = DatabaseOptions()
    options.allowedDirectories = ["/tmp/allowed-here"]
    options.tierLocations = ["s3://bucket/ours", "/srv/cold/"]
    let test = try await ColdDatabase(options: options)
    for place in [
      "/etc", "/tmp/allowed-here/../x", "s3://bucket/oursandmore", "s3://other", "relative",
      "gs://bucket/ours", "/srv/cold/../etc", "s3://bucket/ours/../x", "/srv/coldest",
    ] {
      let refused = await test.session.failure(
        "CREATE STREAM s (id BIGINT) WITH (tier_after = '1 hour', tier_to = '\(place)')")
      #expect(refused?.code == .invalidArgument, "\(place)")
    }
    for place in ["/tmp/allowed-here/x", "s3://bucket/ours", "s3://bucket/ours/deep", "/srv/cold"] {
      try await test.run("CREATE STREAM s (id BIGINT) WITH (tier_to = '\(place)')")
      try await test.run("DROP STREAM s")
    }
    await test.close()
  }
}
