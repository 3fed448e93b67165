@testable import Columnar
import Testing

/// Bytes from outside may be anything: an error is right, a trap is not.
@Suite struct IPCDamageTests {
  /// Reads all of a stream and every value in it.
  private func consume(_ bytes: Buffer, limits: IPCLimits = .default) throws {
    var reader = try IPCStreamReader(bytes, limits: limits)
    while let batch = try reader.next() {
      // Values of many rows may share a few bytes; a sample of the rows reads them all.
      for row in stride(from: 0, to: batch.rowCount, by: max(batch.rowCount / 64, 1)) {
        for column in batch.columns { _ = column.string(at: row) }
      }
      var encoder = IPCEncoder(schema: batch.schema)
      if batch.rowCount < 1000 { _ = try encoder.encode(batch) }
    }
  }

  private func stream(_ compression: IPCCompression? = nil) throws -> [UInt8] {
    let batch = Samples.batch()
    let stream = Buffer.joining(
      try IPCStream.write(schema: batch.schema, batches: [batch, batch], compression: compression))
    return unsafe Array(stream.unsafeBytes)
  }

  /// A stream of one column, so that damage often meets its bytes.
  private func narrowStreams() throws -> [[UInt8]] {
    let batch = Samples.batch()
    return try batch.columns.indices.map { index in
      let narrow = batch.projected(to: [index])
      let stream = Buffer.joining(try IPCStream.write(schema: narrow.schema, batches: [narrow]))
      return unsafe Array(stream.unsafeBytes)
    }
  }

  @Test(arguments: [nil, IPCCompression.lz4Frame, .zstd])
  func `a stream cut off anywhere is an error or ends early`(compression: IPCCompression?) throws {
    let bytes = try stream(compression)
    for length in stride(from: 0, to: bytes.count, by: 61) {
      try? consume(Buffer(copying: Array(bytes[..<length])))
    }
  }

  @Test func `damaged bytes never trap`() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let streams = try narrowStreams() + [try stream(), try stream(.lz4Frame), try stream(.zstd)]
    for bytes in streams {
      for _ in 0..<150 {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let index = Int.random(in: 0..<damaged.count, using: &random)
          switch UInt8.random(in: 0..<4, using: &random) {
          case 0: damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
          case 1: damaged[index] = 0xFF
          case 2: damaged[index] = 0x80
          default: damaged[index] = .random(in: .min ... .max, using: &random)
          }
        }
        try? consume(Buffer(copying: damaged))
      }
    }
  }

  private func error(_ body: () throws -> Void) -> IPCError? {
    do {
      try body()
      return nil
    } catch { return error as? IPCError }
  }

  @Test func `big-endian data is refused with a sentence`() {
    var writer = FlatBufferWriter(capacity: 64)
    let message = writer.table(Metadata.Message.layout)
    writer.setRoot(message)
    writer.set(message, Metadata.Message.version, Metadata.Version.v5)
    writer.set(message, Metadata.Message.headerKind, Metadata.HeaderKind.schema)
    let schema = writer.childTable(message, Metadata.Message.header, [2])
    writer.set(schema, Metadata.Schema.endianness, Int16(1))
    var decoder = IPCDecoder()
    let header = Buffer(copying: writer.bytes)
    #expect(
      throws: IPCError.unsupported(
        "the data is big-endian; only little-endian data is read")
    ) { try decoder.decode(header: header, body: .empty) }
  }

  @Test func `types may nest as deep as the limit`() throws {
    func schema(depth: Int) -> Schema {
      var type = DataType.int8
      for _ in 1..<depth { type = .list(Field("item", type)) }
      return Schema(Field("deep", type))
    }
    let limits = IPCLimits(maxNestingDepth: 10)
    #expect(throws: Never.self) {
      try IPCStream.schema(
        fromEncapsulated: IPCStream.schemaBytes(schema(depth: 10)), limits: limits)
    }
    #expect(throws: IPCError.limitExceeded("types nest deeper than 10")) {
      try IPCStream.schema(
        fromEncapsulated: IPCStream.schemaBytes(schema(depth: 11)), limits: limits)
    }
  }

  @Test func `fields, metadata and rows are limited`() throws {
    let bytes = Buffer(copying: try stream())
    for limits in [
      IPCLimits(maxFieldCount: 3), IPCLimits(maxRowCount: 3), IPCLimits(maxHeaderBytes: 100),
      IPCLimits(maxDictionaryBytes: 8),
    ] {
      guard case .limitExceeded? = error({ try consume(bytes, limits: limits) }) else {
        Issue.record("no limit of \(limits) was noticed")
        continue
      }
    }
  }

  @Test(arguments: IPCCompression.allCases)
  func `a compressed buffer cannot claim more than the limit`(compression: IPCCompression) throws {
    let zeros = Column.int64s(Array(repeating: 0, count: 100_000))
    let batch = Batch(schema: Schema(Field("n", .int64)), columns: [zeros], rowCount: 100_000)
    let bytes = Buffer.joining(
      try IPCStream.write(schema: batch.schema, batches: [batch], compression: compression))
    #expect(throws: Never.self) { try consume(bytes) }
    let limits = IPCLimits(maxDecompressedBytes: 799_999)
    guard case .limitExceeded? = error({ try consume(bytes, limits: limits) }) else {
      throw Unexpected()
    }
  }

  @Test func `a dictionary may be shared by two fields`() throws {
    let column = Samples.dictionaryColumn(.int8, Int8.self, [0, 1], .strings(["a", "b"]))
    let schema = Schema(Field("x", column.type), Field("y", column.type))
    let shared = [DictionaryPlan(id: 7), DictionaryPlan(id: 7)]
    var decoder = IPCDecoder()
    let header = SchemaWriter.message(schema, plans: shared)
    _ = try decoder.decode(header: Buffer(copying: header), body: .empty)
    let batch = Batch(schema: schema, columns: [column, column], rowCount: 2)
    var encoder = IPCEncoder(schema: schema)
    // Of the encoder's two dictionaries, 0 and 1, the first is sent, as number 7.
    let messages = try encoder.encode(batch)
    var writer = BodyWriter(compression: nil, columnCount: 1)
    try writer.append(Column.strings(["a", "b"]))
    let dictionary = writer.message(rowCount: 2, dictionaryID: 7, metadata: [])
    _ = try decoder.decode(dictionary)
    let result = try decoder.decode(try #require(messages.last))
    guard case .batch(let copy) = result else { throw Unexpected() }
    #expect(copy.texts == [["a", "a"], ["b", "b"]])
  }

  @Test func `a dictionary inside another may come after it, and may be replaced alone`() throws {
    func column(_ words: [String?]) -> Column {
      let inner = Samples.dictionaryColumn(.int8, Int8.self, [0, 1], .strings(words))
      let lists = Column.list(Field("item", inner.type), counts: [2], items: inner)
      return Samples.dictionaryColumn(.int8, Int8.self, [0], lists)
    }
    func messages(_ words: [String?]) throws -> [IPCMessage] {
      let batch = Batch(
        schema: Schema(Field("d", column(words).type)), columns: [column(words)], rowCount: 1)
      var encoder = IPCEncoder(schema: batch.schema)
      return try encoder.encode(batch)
    }
    let first = try messages(["a", "b"])
    try #require(first.count == 3)
    var decoder = IPCDecoder(schema: Schema(Field("d", column([]).type)))
    _ = try decoder.decode(first[1])
    _ = try decoder.decode(first[0])
    guard case .batch(let batch) = try decoder.decode(first[2]) else { throw Unexpected() }
    #expect(batch.texts == [["['a', 'b']"]])
    _ = try decoder.decode(try messages(["x", "y"])[0])
    guard case .batch(let batch) = try decoder.decode(first[2]) else { throw Unexpected() }
    #expect(batch.texts == [["['x', 'y']"]])
  }

  @Test func `a batch without its dictionary is an error unless all is null`() throws {
    for (indices, isFine) in [([nil, nil] as [Int8?], true), ([0, nil], false)] {
      let column = Samples.dictionaryColumn(.int8, Int8.self, indices, .strings(["a"]))
      let schema = Schema(Field("d", column.type))
      var encoder = IPCEncoder(schema: schema)
      var decoder = IPCDecoder(schema: schema)
      let messages = try encoder.encode(Batch(schema: schema, columns: [column], rowCount: 2))
      let failure = error { _ = try decoder.decode(try #require(messages.last)) }
      #expect((failure == nil) == isFine)
    }
  }

  /// A column that breaks one rule of its type, and what the decoder says about it.
  private func reason(_ column: Column) -> String? {
    let schema = Schema(Field("x", column.type))
    var decoder = IPCDecoder(schema: schema)
    var writer = BodyWriter(compression: nil, columnCount: 1)
    do {
      try writer.append(column)
      let message = writer.message(rowCount: column.count, dictionaryID: nil, metadata: [])
      _ = try decoder.decode(message)
      return nil
    } catch IPCError.invalidColumn(let name, let reason) {
      return name + ": " + reason
    } catch {
      return "\(error)"
    }
  }

  @Test func `each rule of the format is checked`() {
    let text = Buffer(copying: Array("aé".utf8))
    func strings(_ type: DataType, _ offsets: [Int32], _ data: Buffer) -> Column {
      Column(
        type: type, count: offsets.count - 1, buffers: [.empty, Buffer(copying: offsets), data])
    }
    #expect(reason(strings(.utf8, [0, 1, 3], text)) == nil)
    #expect(reason(strings(.utf8, [0, 2, 3], text)) == "x: value 0 is not UTF-8")
    #expect(reason(strings(.binary, [0, 2, 3], text)) == nil)
    #expect(reason(strings(.utf8, [0, 3, 1, 3], text)) == "x: its offsets descend or are negative")
    let item = Field("item", .int8)
    let items = Column.fixedWidth(.int8, [1, 2] as [Int8?])
    #expect(
      reason(
        Column(
          type: .listView(item), count: 1,
          buffers: [.empty, Buffer(copying: [Int32(1)]), Buffer(copying: [Int32(2)])],
          children: [items])) == "x: list 0 has 2 items at 1 of 2")
    #expect(
      reason(
        Column(
          type: .union(.sparse, [item], typeIDs: [3]), count: 2,
          buffers: [Buffer(copying: [Int8(3), 4])], children: [items]))
        == "x: row 1 has the unknown type id 4")
    #expect(
      reason(
        Column(
          type: .union(.dense, [item], typeIDs: [0]), count: 1,
          buffers: [Buffer(copying: [Int8(0)]), Buffer(copying: [Int32(2)])], children: [items]))
        == "x: row 0 selects value 2 of 2")
    #expect(
      reason(Samples.runs([2, 2], .int32s([1, 2])))
        == "x: its run ends do not ascend from above 0")
    let view = Buffer(copying: [Int32(13), 0, 0, 0])
    #expect(
      reason(Column(type: .utf8View, count: 1, buffers: [.empty, view]))
        == "x: value 0 lies in data buffer 0")
  }

  @Test func `an index beyond the dictionary is an error, in a null it is cleared`() throws {
    func column(_ validity: UInt8) -> Column {
      Column(
        type: .dictionary(index: .int8, value: .int32, isOrdered: false), count: 2,
        nullCount: 1, buffers: [Buffer(copying: [validity]), Buffer(copying: [Int8(0), -1])],
        dictionary: .int32s([5]))
    }
    func decode(_ validity: UInt8) throws -> Batch {
      let batch = Batch(
        schema: Schema(Field("d", column(0).type)), columns: [column(validity)], rowCount: 2)
      var encoder = IPCEncoder(schema: batch.schema)
      var decoder = IPCDecoder(schema: batch.schema)
      for message in try encoder.encode(batch) {
        if case .batch(let copy) = try decoder.decode(message) { return copy }
      }
      throw Unexpected()
    }
    let batch = try decode(0b01)
    #expect(batch.texts == [["5"], ["null"]])
    #expect(batch.columns[0].buffers[1].number(at: 1, as: Int8.self) == 0)
    #expect(throws: IPCError.self) { try decode(0b10) }
  }
}

extension IPCDecoder {
  fileprivate mutating func decode(_ message: IPCMessage) throws(IPCError) -> IPCDecoded {
    let body = Buffer.joining(Array(IPCStream.pieces(of: message).dropFirst()))
    return try decode(header: Buffer(copying: message.header), body: body)
  }
}

/// Random numbers that a seed repeats.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
