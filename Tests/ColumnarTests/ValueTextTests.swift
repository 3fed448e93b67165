import Columnar
import Testing

@Suite struct ValueTextTests {
  private func times(_ type: DataType, _ values: [Int64]) -> [String?] {
    let column = Column.fixedWidth(type, values.map { $0 })
    return values.indices.map { column.string(at: $0) }
  }

  @Test func `times are written in full`() {
    #expect(
      times(.timestamp(.microsecond, timeZone: nil), [0, -1, 951_782_400_000_000])
        == ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2000-02-29 00:00:00"])
    #expect(
      times(.timestamp(.second, timeZone: "UTC"), [1_700_000_000]) == ["2023-11-14 22:13:20+00"])
    #expect(times(.time64(.nanosecond), [45_296_000_000_010]) == ["12:34:56.00000001"])
    #expect(times(.duration(.millisecond), [-90_061_500]) == ["-25:01:01.5"])
    #expect(times(.date64, [-62_135_596_800_000]) == ["0001-01-01"])
    #expect(times(.date64, [-62_167_219_200_001]) == ["0002-12-31 (BC)"])
  }

  @Test func `the extremes of every time type have a text`() {
    for type: DataType in [
      .timestamp(.second, timeZone: nil), .timestamp(.nanosecond, timeZone: nil), .date64,
      .duration(.second), .time64(.nanosecond),
    ] {
      for text in times(type, [.min, .max]) { #expect(text?.isEmpty == false) }
    }
  }

  @Test func `decimals of every width are exact`() {
    func text(_ width: DecimalWidth, _ words: [UInt64], scale: Int) -> String? {
      Column(
        type: .decimal(width: width, precision: 9, scale: scale), count: 1,
        buffers: [.empty, Buffer(copying: words)]
      ).string(at: 0)
    }
    #expect(text(.bits32, [UInt64(UInt32(bitPattern: -150))], scale: 2) == "-1.50")
    #expect(text(.bits64, [5], scale: 3) == "0.005")
    #expect(text(.bits64, [12], scale: -2) == "1200")
    #expect(
      text(.bits128, [.max, UInt64(Int64.max)], scale: 0)
        == "170141183460469231731687303715884105727")
    #expect(
      text(.bits256, [0, 0, 0, 1 << 63], scale: 0)
        == "-57896044618658097711785492504343953926634992332820282019728792003956564819968")
  }

  @Test func `nested values are written like SQL literals`() {
    let batch = Samples.batch()
    let texts = batch.columns.map { $0.string(at: 0) }
    #expect(texts.contains("[1, NULL]"))
    #expect(texts.contains("{'x': 1, 'y': ''}"))
    #expect(texts.contains("{'k'=1}"))
    #expect(Column.binaries([[0, 65, 255]]).string(at: 0) == "\\x00A\\xFF")
  }

  @Test func `values are written as JSON`() {
    let batch = Samples.batch()
    let texts = batch.columns.map { $0.json(at: 0) }
    #expect(texts.contains("[1,null]"))
    #expect(texts.contains("{\"x\":1,\"y\":\"\"}"))
    #expect(texts.contains("{\"k\":1}"))
    #expect(Column.strings(["a\"\\\n\u{1}ü"]).json(at: 0) == "\"a\\\"\\\\\\n\\u0001ü\"")
    let numbers = Column.doubles([1.5, .infinity, -.infinity, .nan, nil, 1e300])
    #expect(
      (0..<6).map { numbers.json(at: $0) } == ["1.5", "null", "null", "null", "null", "1e+300"])
  }

  @Test func `nulls are nil wherever they come from`() {
    let values = Column.strings(["a", nil])
    let dictionary = Samples.dictionaryColumn(.int8, Int8.self, [1, 0, nil], values)
    #expect((0..<3).map { dictionary.isNull(at: $0) } == [true, false, true])
    #expect((0..<2).map { Samples.runs([1, 2], values).isNull(at: $0) } == [false, true])
    #expect(Column.nulls(count: 1).string(at: 0) == nil)
    #expect(values.string(at: 99) == nil)
  }

  @Test(arguments: [(0x3C00, 1), (0xC000, -2), (0x7BFF, 65504), (0x0001, 5.9604645e-08)])
  func `half precision numbers are exact`(bits: UInt16, value: Float) {
    let column = Column(type: .float16, count: 1, buffers: [.empty, Buffer(copying: [bits])])
    #expect(column.string(at: 0) == "\(value)")
  }
}
