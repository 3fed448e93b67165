import ADBC
import Columnar
import TestSupport
import Testing

/// Values go through a bulk load into a table of the database and come back.
@Suite struct TypeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let column: Column
    /// What comes back where it is not the same type; the values are the same as text.
    let back: [Backend: DataType]
    /// Which drivers do not take it.
    let refused: Set<Backend>
    /// What the values are as text where it is not the same.
    let text: [Backend: [String?]]

    init(
      _ name: String, _ column: Column, _ back: [Backend: DataType] = [:],
      refused: Set<Backend> = [], text: [Backend: [String?]] = [:]
    ) {
      self.name = name
      self.column = column
      self.back = back
      self.refused = refused
      self.text = text
    }

    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case("bool", .bools([true, nil, false]), [.sqlite: .int64], text: [.sqlite: ["1", nil, "0"]]),
    Case(
      "int8", .fixedWidth(.int8, [Int8.min, nil, Int8.max] as [Int8?]),
      [.sqlite: .int64, .postgresql: .int16]),
    Case(
      "int16", .fixedWidth(.int16, [Int16.min, nil, Int16.max] as [Int16?]), [.sqlite: .int64]),
    Case("int32", .int32s([Int32.min, nil, Int32.max]), [.sqlite: .int64]),
    Case("int64", .int64s([Int64.min, nil, Int64.max])),
    Case(
      "uint8", .fixedWidth(.uint8, [0, nil, UInt8.max] as [UInt8?]),
      [.sqlite: .int64, .postgresql: .int16]),
    Case(
      "uint16", .fixedWidth(.uint16, [0, nil, UInt16.max] as [UInt16?]),
      [.sqlite: .int64, .postgresql: .int32]),
    Case(
      "uint32", .fixedWidth(.uint32, [0, nil, UInt32.max] as [UInt32?]),
      [.sqlite: .int64, .postgresql: .int64]),
    Case(
      "float32", .fixedWidth(.float32, [1.5, nil, -0.25] as [Float?]), [.sqlite: .float64]),
    Case("float64", .doubles([1.5, nil, -1e300])),
    Case("utf8", .strings(["", nil, "ä 🦆 \u{0}".replacing("\u{0}", with: "x")])),
    Case("binary", .binaries([[], nil, [0, 255, 1]])),
    Case(
      "date32", .fixedWidth(.date32, [0, nil, 19_000] as [Int32?]),
      [.sqlite: .utf8]),
    Case(
      "time64", .fixedWidth(.time64(.microsecond), [1, nil, 86_399_999_999] as [Int64?]),
      refused: [.sqlite]),
    Case(
      "timestamp",
      .fixedWidth(
        .timestamp(.microsecond, timeZone: nil), [1, nil, 1_700_000_000_000_001] as [Int64?]),
      [.sqlite: .utf8]),
    Case(
      "timestamp with time zone",
      .fixedWidth(
        .timestamp(.microsecond, timeZone: "UTC"), [1, nil, 1_700_000_000_000_001] as [Int64?]),
      [.sqlite: .utf8],
      text: [.sqlite: ["1970-01-01 00:00:00.000001", nil, "2023-11-14 22:13:20.000001"]]),
    Case(
      "decimal",
      .fixedWidth(
        .decimal(width: .bits128, precision: 10, scale: 2), [12_345, nil, -1] as [Int128?]),
      [.postgresql: .utf8], refused: [.sqlite]),
    Case(
      "interval", .fixedWidth(.interval(.monthDayNano), [0, nil, 1] as [Int128?]),
      refused: [.sqlite]),
    Case(
      "list", .list(Field("item", .int32), counts: [2, nil, 0], items: .int32s([1, 2])),
      refused: [.sqlite]),
  ]

  @Test(arguments: Backend.allCases, cases)
  func `values come back as they were`(_ backend: Backend, _ given: Case) throws {
    let connection = try backend.connect()
    let table = freshName("typed")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    let rows = batch(("row", .int64s([0, 1, 2])), ("value", given.column))
    do throws(ADBCError) {
      try connection.ingest(rows, into: IngestTarget(table: table, mode: .create))
    } catch {
      #expect(given.refused.contains(backend), "\(error)")
      return
    }
    #expect(!given.refused.contains(backend), "it is taken now")
    let back = try connection.batches("SELECT value FROM \(table) ORDER BY row")
    let column = try #require(back.first?.columns.first)
    let type = given.back[backend] ?? given.column.type
    #expect(column.type.isLike(type), "\(column.type)")
    let wanted = given.text[backend] ?? (0..<3).map { given.column.string(at: $0) }
    let found = back.flatMap { texts($0).map { $0[0] } }
    #expect(found.map(plain) == wanted.map(plain))
  }

  /// SQLite's driver writes times with a T.
  private func plain(_ text: String?) -> String? { text?.replacing("T", with: " ") }
}

extension DataType {
  /// The same but for names of items and of time zones.
  fileprivate func isLike(_ other: DataType) -> Bool {
    switch (self, other) {
    case (.list(let item), .list(let otherItem)): item.type.isLike(otherItem.type)
    case (.timestamp(let unit, let zone), .timestamp(let otherUnit, let otherZone)):
      unit == otherUnit && (zone == nil) == (otherZone == nil)
    default: self == other
    }
  }
}
