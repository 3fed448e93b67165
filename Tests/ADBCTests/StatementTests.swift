import ADBC
import Columnar
import Synchronization
import TestSupport
import Testing

@Suite struct StatementTests {
  @Test(arguments: Backend.allCases)
  func `parameters are bound, the statement is executed again with others`(
    _ backend: Backend
  ) throws {
    let connection = try backend.connect()
    let text = backend == .postgresql ? "SELECT $1::bigint + 1 AS v" : "SELECT ? + 1 AS v"
    let statement = try connection.statement(text)
    try statement.prepare()
    for number in [Int64(1), 41] {
      try statement.bind(batch(("p", .int64s([number]))))
      let result = try statement.executeQuery()
      var rows: [[String?]] = []
      while let batch = try result.next() { rows += texts(batch) }
      #expect(rows == [["\(number + 1)"]])
    }
  }

  @Test func `PostgreSQL describes the parameters of a prepared statement`() throws {
    let connection = try Backend.postgresql.connect()
    let statement = try connection.statement("SELECT $1::bigint, $2::text")
    try statement.prepare()
    #expect(try statement.parameterSchema().fields.map(\.type) == [.int64, .utf8])
  }

  @Test(arguments: [Backend.postgresql, .duckdb])
  func `the columns of a query are known without running it`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let statement = try connection.statement("SELECT 1::bigint AS a, 'x' AS b")
    try statement.prepare()
    let schema = try statement.executeSchema()
    #expect(schema.fields.map(\.name) == ["a", "b"])
    #expect(schema.fields.map(\.type) == [.int64, .utf8])
  }

  // DuckDB's driver binds one row.
  @Test(arguments: [Backend.sqlite, .postgresql])
  func `a stream of rows is inserted, a row at a time`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("streamed")
    try connection.execute("CREATE TEMPORARY TABLE \(table) (i BIGINT, t TEXT)")
    let marks = backend == .postgresql ? "$1, $2" : "?, ?"
    let statement = try connection.statement("INSERT INTO \(table) VALUES (\(marks))")
    try statement.prepare()
    let source = Source(batchCount: 4, rowCount: 25)
    try statement.bind(schema: source.schema) { source.next() }
    let count = try statement.executeUpdate()
    #expect(count == 100)
    #expect(
      try connection.rows("SELECT count(*), sum(i), max(t) FROM \(table)") == [
        ["100", "4950", "t99"]
      ])
  }

  @Test(arguments: Backend.allCases, IngestTarget.Mode.allCases)
  func `bulk loads create, append and replace tables`(
    _ backend: Backend, _ mode: IngestTarget.Mode
  ) throws {
    let connection = try backend.connect()
    let table = freshName("loaded")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    let rows = batch(("i", .int64s([1, nil, 3])), ("t", .strings(["a", "b", nil])))
    let target = IngestTarget(table: table, mode: mode)
    if mode == .append {
      #expect(throws: ADBCError.self) { try connection.ingest(rows, into: target) }
      try connection.ingest(rows, into: IngestTarget(table: table, mode: .create))
    } else {
      #expect(try connection.ingest(rows, into: target) == 3)
    }
    #expect(try connection.value("SELECT count(*) FROM \(table)") == "3")
    if mode == .create {
      #expect(throws: ADBCError.self) { try connection.ingest(rows, into: target) }
    } else {
      try connection.ingest(rows, into: target)
      #expect(
        try connection.value("SELECT count(*) FROM \(table)") == (mode == .replace ? "3" : "6"))
    }
    #expect(
      try connection.rows("SELECT DISTINCT i, t FROM \(table) ORDER BY i")
        .sorted { ($0[0] ?? "") < ($1[0] ?? "") } == [[nil, "b"], ["1", "a"], ["3", nil]])
  }

  @Test func `a bulk load goes into the schema that is named, or is temporary`() throws {
    let connection = try Backend.postgresql.connect()
    let schema = freshName("s")
    try connection.execute("CREATE SCHEMA \(schema)")
    let rows = batch(("i", .int64s([1])))
    try connection.ingest(rows, into: IngestTarget(table: "t", schema: schema, mode: .create))
    #expect(try connection.value("SELECT count(*)::text FROM \(schema).t") == "1")
    let temporary = freshName("temporary")
    try connection.ingest(
      rows, into: IngestTarget(table: temporary, mode: .create, isTemporary: true))
    #expect(
      try connection.value(
        "SELECT count(*)::text FROM pg_class WHERE relname = '\(temporary)' AND relpersistence = 't'"
      )
        == "1")
    try connection.execute("DROP SCHEMA \(schema) CASCADE")
  }

  @Test(arguments: Backend.allCases)
  func `a bulk load is streamed, a batch at a time`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("bulk")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    let source = Source(batchCount: 100, rowCount: 1000)
    let count = try connection.ingest(
      into: IngestTarget(table: table, mode: .create), schema: source.schema
    ) { source.next() }
    #expect(count == 100_000)
    #expect(try connection.value("SELECT sum(i) FROM \(table)") == "4999950000")
  }

  @Test(arguments: Backend.allCases)
  func `an error of the source ends the load, in its words`(_ backend: Backend) throws {
    struct Broken: Error, CustomStringConvertible { let description = "the source is broken" }
    let connection = try backend.connect()
    let table = freshName("broken")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    let source = Source(batchCount: 2, rowCount: 10)
    let error = try failure { () throws(ADBCError) in
      try connection.ingest(into: IngestTarget(table: table, mode: .create), schema: source.schema)
      {
        guard let batch = source.next() else { throw Broken() }
        return batch
      }
    }
    #expect(error.message.contains("the source is broken"))
  }

  @Test(arguments: Backend.allCases)
  func `what is bound is released when the statement is`(_ backend: Backend) throws {
    let connection = try backend.connect()
    weak var owner: Owner?
    do {
      let kept = Owner()
      owner = kept
      let rows = batch(("p", kept.column()))
      let text = backend == .postgresql ? "SELECT $1::bigint" : "SELECT ?"
      let statement = try connection.statement(text)
      try statement.prepare()
      try statement.bind(rows)
      let result = try statement.executeQuery()
      while try result.next() != nil {}
      // And once more without executing.
      try statement.bind(rows)
    }
    #expect(owner == nil, "the driver, or we, still hold the rows")
  }

  @Test(arguments: [Backend.sqlite, .postgresql])
  func `a result that is dropped lets go of what was bound`(_ backend: Backend) throws {
    let connection = try backend.connect()
    weak var held: Source?
    let statement = try connection.statement(
      backend == .postgresql ? "SELECT $1::bigint, $2::text" : "SELECT ?, ?")
    try statement.prepare()
    do {
      let source = Source(batchCount: 3, rowCount: 10)
      held = source
      try statement.bind(schema: source.schema) { source.next() }
      let result = try statement.executeQuery()
      #expect(try result.next() != nil)
      #expect(held != nil)
    }
    try statement.bind(batch(("i", .int64s([1])), ("t", .strings(["x"]))))
    #expect(held == nil, "the result's stream is not released")
  }

  @Test(arguments: Backend.allCases)
  func `what is bound as a stream is released when the statement is`(_ backend: Backend) throws {
    let connection = try backend.connect()
    weak var held: Source?
    do {
      let source = Source(batchCount: 3, rowCount: 1)
      held = source
      let statement = try connection.statement("SELECT 1")
      try statement.bind(schema: source.schema) { source.next() }
    }
    #expect(held == nil)
  }
}

/// Batches of counted numbers and texts.
final class Source: Sendable {
  let schema = Schema(Field("i", .int64), Field("t", .utf8))
  private let left: Mutex<Int>
  private let batchCount: Int
  private let rowCount: Int

  init(batchCount: Int, rowCount: Int) {
    self.batchCount = batchCount
    self.rowCount = rowCount
    left = Mutex(batchCount)
  }

  func next() -> Batch? {
    let number = left.withLock { left -> Int? in
      guard left > 0 else { return nil }
      left -= 1
      return batchCount - left - 1
    }
    guard let number else { return nil }
    let numbers = (0..<rowCount).map { number * rowCount + $0 }
    return Batch(
      schema: schema,
      columns: [.int64s(numbers.map { Int64($0) }), .strings(numbers.map { "t\($0)" })],
      rowCount: rowCount)
  }
}

/// The owner of a column's memory, to see when it is let go.
@safe
final class Owner: @unchecked Sendable {
  // Sendable: written once.
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)

  init() { unsafe bytes.storeBytes(of: 42, as: Int64.self) }

  deinit { unsafe bytes.deallocate() }

  func column() -> Column {
    let buffer = unsafe Buffer(unsafeBytes: UnsafeRawBufferPointer(bytes), ownedBy: self)
    return Column(type: .int64, count: 1, buffers: [.empty, buffer])
  }
}

func batch(_ columns: (String, Column)...) -> Batch {
  Batch(
    schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1),
    rowCount: columns.first?.1.count ?? 0)
}
