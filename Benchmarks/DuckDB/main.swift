// Measures the DuckDB module by itself: bulk results, point queries, live scans and ingest.
// Usage: duckdb-bench [select|point|ingest]...

import Columnar
import DuckDB

let chosen = Set(CommandLine.arguments.dropFirst())
func wanted(_ name: String) -> Bool { chosen.isEmpty || chosen.contains(name) }

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let time = try ContinuousClock().measure(body)
  return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func benchSelect() throws {
  let database = try Database(DuckDBLibrary.load(), settings: ["threads": "2"])
  let connection = try database.connect()
  try connection.execute(
    """
    CREATE TABLE t AS SELECT i AS id, i * 0.5::DOUBLE AS v,
      TIMESTAMP '2026-01-01' + to_microseconds(i) AS ts, 'name_' || (i % 1000) AS s
    FROM range(10000000) r(i)
    """)
  for threads in [1, 2] {
    try connection.execute("SET threads = \(threads)")
    for columns in ["*", "id", "v", "ts", "s"] {
      var times: [Double] = []
      for _ in 0..<5 {
        let statement = try connection.prepare("SELECT \(columns) FROM t")
        var rows = 0
        times.append(
          try seconds {
            let result = try statement.execute()
            while let batch = try result.next() { rows += batch.rowCount }
          })
        precondition(rows == 10_000_000)
      }
      print("select \(columns) threads \(threads): \(median(times) * 100) ns/row")
    }
  }
}

func benchPoint() throws {
  let database = try Database(DuckDBLibrary.load(), settings: ["threads": "2"])
  let connection = try database.connect()
  try connection.execute(
    """
    CREATE TABLE p (id BIGINT PRIMARY KEY, v DOUBLE, s VARCHAR);
    INSERT INTO p SELECT i, i * 0.5, 'name_' || i FROM range(1000000) r(i)
    """)
  try measurePoints(connection, "two threads")
  try connection.execute("SET threads = 1")
  try measurePoints(connection, "one thread")
}

func measurePoints(_ connection: Connection, _ what: String) throws {
  let schema = Schema(Field("id", .int64))
  let count = 2_000
  var rows = 0
  var split = [[Double]](repeating: [], count: 4)
  func step(_ index: Int, _ body: () throws -> Void) rethrows {
    split[index].append(try seconds(body))
  }
  func report(_ name: String) {
    let text = split.map { $0.isEmpty ? "-" : "\(Double(Int(median($0) * 1e7)) / 10) µs" }
    print(what, name, "prepare, bind, execute, fetch:", text)
    split = [[Double]](repeating: [], count: 4)
  }
  for round in 0..<count {
    var statement: PreparedStatement?
    var result: ResultStream?
    try step(0) {
      statement = try connection.prepare("SELECT * FROM p WHERE id = \(round * 37)")
    }
    try step(2) { result = try statement?.execute() }
    try step(3) { rows += try result?.next()?.rowCount ?? 0 }
  }
  report("literal")
  let statement = try connection.prepare("SELECT * FROM p WHERE id = ?")
  for round in 0..<count {
    let key = Column(
      type: .int64, count: 1, buffers: [.empty, Buffer(copying: [Int64(round * 37)])])
    let row = Batch(schema: schema, columns: [key], rowCount: 1)
    var result: ResultStream?
    try step(1) { try statement.bind(row: 0, of: row) }
    try step(2) { result = try statement.execute() }
    try step(3) { rows += try result?.next()?.rowCount ?? 0 }
  }
  report("kept")
}

func ingestBatches(rows: Int, each: Int) -> [Batch] {
  let schema = Schema(
    Field("id", .int64), Field("v", .float64), Field("ts", .timestamp(.microsecond, timeZone: nil)),
    Field("s", .utf8))
  return stride(from: 0, to: rows, by: each).map { start in
    let ids = (0..<each).map { Int64(start + $0) }
    var ends: [Int32] = [0]
    var text: [UInt8] = []
    for id in ids {
      text += Array("name_\(id % 1000)".utf8)
      ends.append(Int32(text.count))
    }
    func column<Value: BitwiseCopyable>(_ type: DataType, _ values: [Value]) -> Column {
      Column(type: type, count: each, buffers: [.empty, Buffer(copying: values)])
    }
    let names = Column(
      type: .utf8, count: each, buffers: [.empty, Buffer(copying: ends), Buffer(copying: text)])
    return Batch(
      schema: schema,
      columns: [
        column(.int64, ids), column(.float64, ids.map { Double($0) * 0.5 }),
        column(.timestamp(.microsecond, timeZone: nil), ids), names,
      ], rowCount: each)
  }
}

func benchIngest() throws {
  let create = "CREATE OR REPLACE TABLE t (id BIGINT, v DOUBLE, ts TIMESTAMP, s VARCHAR)"
  let batches = ingestBatches(rows: 9_830_400, each: 65_536)
  for (threads, ordered) in [(1, true), (2, true), (2, false)] {
    let database = try Database(
      DuckDBLibrary.load(),
      settings: ["threads": "\(threads)", "preserve_insertion_order": "\(ordered)"])
    let tables = try LiveTables(DuckDBLibrary.load())
    try database.registerLiveTables(tables)
    let connection = try database.connect()
    let table = BatchTable(schema: batches[0].schema, batches: batches, maxThreads: threads)
    let id = try tables.add(table)
    for sql in [
      "SELECT count(s), max(id), max(v), max(ts) FROM live(\(id))",
      "INSERT INTO t SELECT * FROM live(\(id))",
    ] {
      var times: [Double] = []
      for _ in 0..<4 {
        try connection.execute(create)
        times.append(try seconds { try connection.execute(sql) })
      }
      print(
        sql.prefix(6), "threads \(threads) ordered \(ordered): \(9.8304 / median(times)) M rows/s")
    }
  }
  let database = try Database(DuckDBLibrary.load(), settings: ["threads": "2"])
  let tables = try LiveTables(DuckDBLibrary.load())
  try database.registerLiveTables(tables)
  let connection = try database.connect()
  try connection.execute(create)
  let small = ingestBatches(rows: 1_000, each: 1_000)
  let id = try tables.add(BatchTable(schema: small[0].schema, batches: small), name: "batch")
  let insert = try connection.prepare("INSERT INTO t SELECT * FROM live(\(id))")
  var times: [Double] = []
  for _ in 0..<1_000 { times.append(try seconds { _ = try insert.execute() }) }
  print("insert of 1,000 rows: \(median(times) * 1e6) µs")
  let query = try connection.prepare("SELECT id, v * 2 AS v, ts FROM live(\(id)) WHERE v > 0.5")
  times = []
  for _ in 0..<1_000 {
    times.append(
      try seconds {
        let result = try query.execute()
        while try result.next() != nil {}
      })
  }
  print("filter of 1,000 rows: \(median(times) * 1e6) µs")
}

if wanted("select") { try benchSelect() }
if wanted("point") { try benchPoint() }
if wanted("ingest") { try benchIngest() }
