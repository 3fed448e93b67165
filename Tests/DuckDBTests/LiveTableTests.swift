import Columnar
import DuckDB
import Synchronization
import Testing

@Suite struct `Live tables` {
  private static func fixed(_ type: DataType, _ rows: [(Int64?)]) -> Column {
    Column(type, rows, null: 0)
  }

  private static let list = Column(
    type: .list(Field("item", .utf8)), count: 3, nullCount: 1,
    buffers: [bits([true, false, true]), Buffer(copying: [Int32(1), 3, 3, 4])],
    children: [Column(utf8: ["skipped", "a", nil, "a text of more than twelve bytes"])])

  /// A column of three rows and the text that DuckDB makes of each.
  static let samples: [(name: String, column: Column, texts: [String?])] = [
    ("null", Column(type: .null, count: 3, nullCount: 3, buffers: []), [nil, nil, nil]),
    (
      "bool",
      Column(
        type: .bool, count: 3, nullCount: 1,
        buffers: [bits([true, true, false]), bits([true, false, false])]), ["true", "false", nil]
    ),
    ("int16", Column(.int16, [Int16(-1), nil, 3], null: 9), ["-1", nil, "3"]),
    ("uint32", Column(.uint32, [UInt32.max, 0, 1]), ["4294967295", "0", "1"]),
    (
      "half", Column(.float16, [UInt16(0x3C00), 0x0001, 0xFC00]), ["1.0", "5.9604645e-08", "-inf"]
    ),
    (
      "decimal32",
      Column(.decimal(width: .bits32, precision: 4, scale: 2), [Int32(-1), 100, 9999]),
      ["-0.01", "1.00", "99.99"]
    ),
    (
      "decimal64", Column(.decimal(width: .bits64, precision: 3, scale: -2), [Int64(-1), 0, 999]),
      ["-100", "0", "99900"]
    ),
    (
      "decimal256",
      Column(
        type: .decimal(width: .bits256, precision: 60, scale: 1), count: 3,
        buffers: [.empty, Buffer(copying: [Int64(5), 0, 0, 0, -5, -1, -1, -1, 0, 1, 0, 0])]),
      ["0.5", "-0.5", "1844674407370955161.6"]
    ),
    ("date64", fixed(.date64, [0, 86_400_000, nil]), ["1970-01-01", "1970-01-02", nil]),
    (
      "time32", Column(.time32(.millisecond), [Int32(1), nil, 86_399_999], null: -5),
      ["00:00:00.001", nil, "23:59:59.999"]
    ),
    (
      "seconds", fixed(.timestamp(.second, timeZone: nil), [0, nil, -1]),
      ["1970-01-01 00:00:00", nil, "1969-12-31 23:59:59"]
    ),
    (
      "milliseconds", fixed(.timestamp(.millisecond, timeZone: nil), [1, nil, -1]),
      ["1970-01-01 00:00:00.001", nil, "1969-12-31 23:59:59.999"]
    ),
    (
      "zoned", fixed(.timestamp(.nanosecond, timeZone: "Asia/Tokyo"), [1_000, nil, -1_000]),
      ["1970-01-01 00:00:00.000001+00", nil, "1969-12-31 23:59:59.999999+00"]
    ),
    (
      "duration", fixed(.duration(.millisecond), [1, nil, 60_000]),
      ["00:00:00.001", nil, "00:01:00"]
    ),
    (
      "dayTime", fixed(.interval(.dayTime), [1 | 1_000 << 32, nil, 2]),
      ["1 day 00:00:01", nil, "2 days"]
    ),
    (
      "largeUTF8",
      Column(
        type: .largeUTF8, count: 3,
        buffers: [
          .empty, Buffer(copying: [Int64(0), 2, 2, 16]),
          Buffer(copying: Array("abthis is longer".utf8)),
        ]), ["ab", "", "this is longer"]
    ),
    (
      "view",
      Column(
        type: .utf8View, count: 3, nullCount: 1,
        buffers: [
          bits([true, false, true]),
          Buffer(copying: [Int32(2), 0x6261, 0, 0, 99, 99, 99, 99, 14, 0x73696874, 0, 1]),
          Buffer(copying: Array("-this is longer".utf8)),
        ]), ["ab", nil, "this is longer"]
    ),
    (
      "fixedBinary",
      Column(
        type: .fixedSizeBinary(byteWidth: 2), count: 3,
        buffers: [.empty, Buffer(copying: Array("abcdef".utf8))]), ["ab", "cd", "ef"]
    ),
    ("list", list, ["[a, NULL]", nil, "[a text of more than twelve bytes]"]),
    (
      "listView",
      Column(
        type: .listView(Field("item", .int32)), count: 3,
        buffers: [.empty, Buffer(copying: [Int32(2), 0, 1]), Buffer(copying: [Int32(1), 2, 0])],
        children: [Column(.int32, [Int32(1), 2, 3])]), ["[3]", "[1, 2]", "[]"]
    ),
    (
      "array",
      Column(
        type: .fixedSizeList(Field("item", .int32), count: 2), count: 3, nullCount: 1,
        buffers: [bits([true, false, true])], children: [Column(.int32, [Int32(1), 2, 3, 4, 5, 6])]
      ), ["[1, 2]", nil, "[5, 6]"]
    ),
    (
      "struct",
      Column(
        type: .structure([Field("a", .int32), Field("l", list.type)]), count: 3, nullCount: 1,
        buffers: [bits([true, true, false])], children: [Column(.int32, [Int32(1), 2, 3]), list]),
      ["{'a': 1, 'l': [a, NULL]}", "{'a': 2, 'l': NULL}", nil]
    ),
    (
      "denseUnion",
      Column(
        type: .union(.dense, [Field("n", .int32), Field("s", .utf8)], typeIDs: [5, 7]), count: 3,
        buffers: [Buffer(copying: [Int8(5), 7, 5]), Buffer(copying: [Int32(0), 0, 1])],
        children: [Column(.int32, [Int32(1), 3]), Column(utf8: ["two"])]), ["1", "two", "3"]
    ),
    (
      "runs",
      Column(
        type: .runEndEncoded(runEnds: Field("run_ends", .int16), values: Field("values", .utf8)),
        count: 3, buffers: [],
        children: [Column(.int16, [Int16(1), 3]), Column(utf8: ["x", "y"])]), ["x", "y", "y"]
    ),
    (
      "nestedDictionary",
      Column(
        type: .dictionary(index: .uint8, value: list.type, isOrdered: false), count: 3,
        nullCount: 1, buffers: [bits([true, true, false]), Buffer(copying: [UInt8(2), 0, 1])],
        dictionary: Column(
          type: .list(
            Field("item", .dictionary(index: .int32, value: .utf8, isOrdered: false))), count: 3,
          buffers: [.empty, Buffer(copying: [Int32(0), 1, 1, 2])],
          children: [
            Column(
              type: .dictionary(index: .int32, value: .utf8, isOrdered: false), count: 2,
              buffers: [.empty, Buffer(copying: [Int32(1), 0])],
              dictionary: Column(utf8: ["zero", "one"]))
          ])), ["[zero]", "[one]", nil]
    ),
  ]

  @Test(arguments: samples.indices)
  func `a column of each type shows its values`(index: Int) throws {
    let sample = Self.samples[index]
    let (connection, tables) = try connectionWithTables()
    let rows = batch(("v", sample.column))
    // Twice the batch, so that a chunk begins anew.
    try tables.add(BatchTable(schema: rows.schema, batches: [rows, rows]), name: "t")
    let found = try connection.batches("SELECT CAST(v AS VARCHAR) FROM t").flatMap {
      strings($0.columns[0])
    }
    #expect(found == sample.texts + sample.texts, "\(sample.name)")
  }

  @Test(
    arguments: [
      ("nanosecond", Column(.timestamp(.nanosecond, timeZone: "UTC"), [Int64(1)])),
      ("span", Column(.duration(.nanosecond), [Int64(1)])),
      ("far", Column(.timestamp(.second, timeZone: "UTC"), [Int64.max])),
      ("late", Column(.time32(.second), [Int32(100_000)])),
      ("day", Column(.date64, [Int64(5)])),
      (
        "wide",
        Column(
          type: .decimal(width: .bits256, precision: 60, scale: 0), count: 1,
          buffers: [.empty, Buffer(copying: [Int64(0), 0, 1, 0])])
      ),
    ])
  func `a value that would change is refused by column and type`(name: String, column: Column)
    throws
  {
    let (connection, tables) = try connectionWithTables()
    let rows = batch((name, column))
    try tables.add(BatchTable(schema: rows.schema, batches: [rows]), name: "t")
    let error = #expect(throws: DuckDBError.self) { try connection.batches("SELECT * FROM t") }
    #expect(error?.message.contains("column \(name): the value") == true)
    #expect(!connection.database.isInvalidated)
  }

  @Test(
    arguments: [
      Schema(Field("a", .int32), Field("A", .int32)), Schema(Field("s", .structure([]))),
      Schema(Field("s", .structure([Field("x", .int32), Field("x", .int32)]))), Schema([]),
      Schema(Field("d", .decimal(width: .bits256, precision: 76, scale: 50))),
    ])
  func `a schema that DuckDB cannot hold is refused at once`(schema: Schema) throws {
    #expect(throws: DuckDBError.self) {
      try LiveTables(DuckDBLibrary.load()).add(BatchTable(schema: schema, batches: []))
    }
  }

  @Test func `only the columns in use are read, and a count needs none`() throws {
    let (connection, tables) = try connectionWithTables()
    let asked = AskedColumns()
    try tables.add(asked, name: "t")
    #expect(try int64s(connection.batch("SELECT count(*) FROM t").columns[0]) == [2])
    #expect(try int64s(connection.batch("SELECT sum(c)::BIGINT FROM t").columns[0]) == [3])
    #expect(asked.columns.withLock { $0 }.last == [2])
  }

  @Test func `names are found through views, and real tables come first`() throws {
    let (connection, tables) = try connectionWithTables()
    let rows = batch(("v", Column(.int64, [Int64(1), 2])))
    let id = try tables.add(BatchTable(schema: rows.schema, batches: [rows]), name: "Live Name")
    try connection.execute("CREATE VIEW seen AS SELECT v * 10 AS v FROM live(\(id))")
    #expect(try int64s(connection.batch("FROM seen").columns[0]) == [10, 20])
    #expect(try int64s(connection.batch("FROM \"live name\"").columns[0]) == [1, 2])
    let joined = "SELECT a.v FROM \"live name\" a JOIN \"live name\" b USING (v) ORDER BY 1"
    #expect(try int64s(connection.batch(joined).columns[0]) == [1, 2])
    tables.remove(id)
    #expect(throws: DuckDBError.self) { try connection.batches("FROM seen") }
  }

  @Test func `a source that fails ends the statement with its words`() throws {
    let (connection, tables) = try connectionWithTables()
    try tables.add(FailingTable(), name: "t")
    let error = #expect(throws: DuckDBError.self) { try connection.batches("SELECT * FROM t") }
    #expect(error?.message.contains("the source is gone") == true)
    #expect(try connection.text("SELECT 'fine'") == "fine")
  }

  @Test(arguments: [1, 2])
  func `random rows come back as they went in`(threads: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(seed: seed)
    let (connection, tables) = try connectionWithTables(["threads": "2"])
    var batches: [Batch] = []
    var sum: Int64 = 0
    var textCount = 0
    for _ in 0..<20 {
      let count = Int.random(in: 1...7_000, using: &random)
      let numbers = (0..<count).map { _ in
        Bool.random(using: &random) ? Int64.random(in: -1_000_000...1_000_000, using: &random) : nil
      }
      let texts = (0..<count).map { _ -> String? in
        let length = Int.random(in: -3...30, using: &random)
        return length < 0 ? nil : String(repeating: "ß", count: length)
      }
      sum += numbers.reduce(0) { $0 + ($1 ?? 0) }
      textCount += texts.reduce(0) { $0 + ($1?.count ?? 0) }
      batches.append(batch(("n", Column(.int64, numbers, null: 7)), ("s", Column(utf8: texts))))
    }
    try tables.add(
      BatchTable(schema: batches[0].schema, batches: batches, maxThreads: threads), name: "t")
    try connection.execute("CREATE TABLE copy AS FROM t")
    let found = try connection.batch("SELECT sum(n)::BIGINT, sum(length(s))::BIGINT FROM copy")
    #expect(int64s(found.columns[0]) == [sum] && int64s(found.columns[1]) == [Int64(textCount)])
    guard threads == 1 else { return }
    let back = try connection.batches("SELECT s FROM copy")
    #expect(
      back.flatMap { strings($0.columns[0]) } == batches.flatMap { strings($0.columns[1]) })
  }
}

private func connectionWithTables(
  _ settings: [String: String] = ["threads": "1"]
) throws -> (Connection, LiveTables) {
  let database = try memoryDatabase(settings)
  let tables = try LiveTables(DuckDBLibrary.load())
  try database.registerLiveTables(tables)
  let connection = try database.connect()
  try connection.execute("SET TimeZone = 'UTC'")
  return (connection, tables)
}

private final class AskedColumns: LiveTable {
  let columns = Mutex<[[Int]]>([])
  let schema = Schema(Field("a", .int64), Field("b", .utf8), Field("c", .int64))
  let rowCount: Int? = nil

  func scan(columns asked: [Int]) -> any BatchSource {
    columns.withLock { $0.append(asked) }
    let numbers = Column(.int64, [Int64(1), 2])
    let rows = Batch(
      schema: schema, columns: [numbers, Column(utf8: ["x", nil]), numbers], rowCount: 2)
    return BatchTable(schema: schema, batches: [rows]).scan(columns: asked)
  }
}

private struct FailingTable: LiveTable, BatchSource {
  struct Gone: Error, CustomStringConvertible { let description = "the source is gone" }
  let schema = Schema(Field("a", .int64))
  let rowCount: Int? = nil
  let maxThreads = 1
  func scan(columns: [Int]) -> any BatchSource { self }
  func next() throws -> Batch? { throw Gone() }
}
