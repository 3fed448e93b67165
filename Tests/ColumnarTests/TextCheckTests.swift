import Testing

@testable import Columnar

@Suite struct TextCheckTests {
  private func column(_ values: [[UInt8]?], _ type: DataType = .utf8) -> Column {
    let made = Column.binaries(values)
    return Column(type: type, count: made.count, nullCount: made.nullCount, buffers: made.buffers)
  }

  private func batch(_ column: Column) -> Batch {
    Batch(schema: Schema(Field("t", column.type)), columns: [column], rowCount: column.count)
  }

  @Test func `text is text, in every script`() {
    let texts = ["", "plain", "ä", "日本語", "🦆", nil].map { $0.map { Array($0.utf8) } }
    #expect(batch(column(texts)).firstInvalidText() == nil)
    #expect(batch(column([[0xFF]], .binary)).firstInvalidText() == nil)
  }

  @Test(
    arguments: [[0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0x61, 0x80]] as [[UInt8]])
  func `bytes that are none are found, with their row`(_ bytes: [UInt8]) {
    let place = batch(column([[0x61], nil, bytes, [0xFF]])).firstInvalidText()
    #expect(place?.column == "t")
    #expect(place?.row == 2)
  }

  @Test func `a character that two values share is none`() {
    let duck = Array("ä".utf8)
    let place = batch(column([[duck[0]], [duck[1]]])).firstInvalidText()
    #expect(place?.row == 0)
  }

  @Test func `what lies in the slot of a null does not count`() {
    let made = column([[0x61], [0xFF], [0xC3, 0xA4]])
    let nulls = Column(
      type: .utf8, count: 3, nullCount: 1,
      buffers: [Buffer(copying: [UInt8(0b101)])] + made.buffers.dropFirst())
    #expect(batch(nulls).firstInvalidText() == nil)
  }

  @Test func `text inside of lists and dictionaries is looked at, too`() {
    let items = column([[0x61], [0xFF]])
    let list = Column.list(Field("item", .utf8), counts: [2], items: items)
    #expect(batch(list).firstInvalidText()?.row == 1)
    let dictionary = Column(
      type: .dictionary(index: .int8, value: .utf8, isOrdered: false), count: 1,
      buffers: [.empty, Buffer(copying: [Int8(0)])], dictionary: items)
    #expect(batch(dictionary).firstInvalidText()?.row == 1)
  }

  @Test func `views are looked at, inline and beside`() {
    func view(_ words: [Int32]) -> Column {
      let long = Buffer(copying: Array("a text of more than twelve ".utf8) + [0xFF, 0x61])
      return Column(
        type: .utf8View, count: words.count / 4, buffers: [.empty, Buffer(copying: words), long])
    }
    #expect(batch(view([1, 0x61, 0, 0])).firstInvalidText() == nil)
    #expect(batch(view([1, 0xFF, 0, 0])).firstInvalidText()?.row == 0)
    #expect(batch(view([1, 0x61, 0, 0, 27, 0, 0, 0])).firstInvalidText() == nil)
    #expect(batch(view([1, 0x61, 0, 0, 28, 0, 0, 0])).firstInvalidText()?.row == 1)
    // Places that are not there.
    #expect(batch(view([30, 0, 0, 0])).firstInvalidText()?.row == 0)
    #expect(batch(view([13, 0, 7, 0])).firstInvalidText()?.row == 0)
  }
}
