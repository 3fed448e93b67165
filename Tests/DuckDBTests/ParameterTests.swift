import Columnar
import DuckDB
import Testing

@Suite struct `Parameters` {
  static let samples: [(name: String, column: Column, text: String)] = [
    (
      "bool", Column(type: .bool, count: 1, buffers: [.empty, Buffer(copying: [UInt8(1)])]), "true"
    ),
    ("int8", Column(.int8, [Int8(-3)]), "-3"),
    ("uint64", Column(.uint64, [UInt64.max]), "18446744073709551615"),
    ("int64", Column(.int64, [Int64.min]), "-9223372036854775808"),
    ("half", Column(.float16, [UInt16(0x3E00)]), "1.5"),
    ("float", Column(.float32, [Float(0.25)]), "0.25"),
    ("double", Column(.float64, [-2.5]), "-2.5"),
    (
      "decimal32", Column(.decimal(width: .bits32, precision: 5, scale: 2), [Int32(-12345)]),
      "-123.45"
    ),
    (
      "decimal256",
      Column(
        type: .decimal(width: .bits256, precision: 50, scale: 2), count: 1,
        buffers: [.empty, Buffer(copying: [Int64(-1234), -1, -1, -1])]), "-12.34"
    ),
    ("date32", Column(.date32, [Int32(1)]), "1970-01-02"),
    ("date64", Column(.date64, [Int64(86_400_000)]), "1970-01-02"),
    ("time32", Column(.time32(.second), [Int32(61)]), "00:01:01"),
    ("time64", Column(.time64(.microsecond), [Int64(1)]), "00:00:00.000001"),
    ("seconds", Column(.timestamp(.second, timeZone: nil), [Int64(1)]), "1970-01-01 00:00:01"),
    (
      "nanoseconds", Column(.timestamp(.nanosecond, timeZone: nil), [Int64(1)]),
      "1970-01-01 00:00:00.000000001"
    ),
    (
      "zoned", Column(.timestamp(.millisecond, timeZone: "Europe/Berlin"), [Int64(5)]),
      "1970-01-01 00:00:00.005+00"
    ),
    ("duration", Column(.duration(.second), [Int64(90)]), "00:01:30"),
    ("months", Column(.interval(.yearMonth), [Int32(14)]), "1 year 2 months"),
    ("text", Column(utf8: ["häh"]), "häh"), ("empty", Column(utf8: [""]), ""),
    (
      "dictionary",
      Column(
        type: .dictionary(index: .int8, value: .utf8, isOrdered: false), count: 1,
        buffers: [.empty, Buffer(copying: [Int8(1)])], dictionary: Column(utf8: ["a", "b"])), "b"
    ),
    (
      "list",
      Column(
        type: .list(Field("item", .int32)), count: 1,
        buffers: [.empty, Buffer(copying: [Int32(0), 2])],
        children: [Column(.int32, [Int32(1), 2])]
      ), "[1, 2]"
    ),
    (
      "struct",
      Column(
        type: .structure([Field("a", .int32), Field("b", .utf8)]), count: 1, buffers: [.empty],
        children: [Column(.int32, [Int32(1)]), Column(utf8: ["x"])]), "{'a': 1, 'b': x}"
    ),
    (
      "map",
      Column(
        type: .map(
          entries: Field("entries", .structure([Field("key", .utf8), Field("value", .int32)])),
          keysSorted: false), count: 1, buffers: [.empty, Buffer(copying: [Int32(0), 1])],
        children: [
          Column(
            type: .structure([Field("key", .utf8), Field("value", .int32)]), count: 1,
            buffers: [.empty], children: [Column(utf8: ["k"]), Column(.int32, [Int32(7)])])
        ]), "{k=7}"
    ),
  ]

  @Test(arguments: samples.indices)
  func `a value of each type arrives in DuckDB`(index: Int) throws {
    let sample = Self.samples[index]
    let connection = try memoryDatabase().connect()
    try connection.execute("SET TimeZone = 'UTC'")
    let statement = try connection.prepare("SELECT CAST(? AS VARCHAR)")
    try statement.bind(row: 0, of: batch((sample.name, sample.column)))
    let result = try #require(try statement.execute().next())
    #expect(strings(result.columns[0]) == [sample.text], "\(sample.name)")
  }

  @Test func `a null is bound as NULL, and bindings are forgotten`() throws {
    let connection = try memoryDatabase().connect()
    let statement = try connection.prepare("SELECT CAST($x AS VARCHAR)")
    try statement.bind(1, to: Column(utf8: [nil]), row: 0)
    #expect(strings(try #require(try statement.execute().next()).columns[0]) == [nil])
    statement.clearBindings()
    #expect(throws: DuckDBError.self) { try statement.execute() }
  }

  @Test func `a value without an exact form is refused by name`() throws {
    let connection = try memoryDatabase().connect()
    let statement = try connection.prepare("SELECT ?")
    let at = Column(.timestamp(.nanosecond, timeZone: "UTC"), [Int64(1)])
    let error = #expect(throws: DuckDBError.self) {
      try statement.bind(row: 0, of: batch(("at", at)))
    }
    #expect(error?.message.hasPrefix("at: the value 1") == true)
  }

  @Test func `there is no parameter behind the last`() throws {
    let connection = try memoryDatabase().connect()
    let statement = try connection.prepare("SELECT ?")
    #expect(throws: DuckDBError.self) {
      try statement.bind(2, to: Column(.int64, [Int64(1)]), row: 0)
    }
  }
}
