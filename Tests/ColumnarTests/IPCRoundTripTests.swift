import Columnar
import Testing

@Suite struct IPCRoundTripTests {
  private func decoded(_ bytes: Buffer) throws -> [Batch] {
    var reader = try IPCStreamReader(bytes)
    var batches: [Batch] = []
    while let batch = try reader.next() { batches.append(batch) }
    return batches
  }

  @Test(arguments: [nil, IPCCompression.lz4Frame, .zstd], [0, 1, 4])
  func `every type survives encoding and decoding`(
    compression: IPCCompression?, shift: Int
  ) throws {
    let batch = Samples.batch()
    let stream = try IPCStream.write(
      schema: batch.schema, batches: [batch, batch.slice(from: 3, count: 5)],
      compression: compression)
    let copies = try decoded(.joining(stream, shift: shift))
    #expect(copies.map(\.schema) == [batch.schema, batch.schema])
    #expect(copies[0].texts == batch.texts)
    #expect(copies[1].texts == Array(batch.texts[3..<8]))
    #expect(copies.map(\.metadata) == [batch.metadata, batch.metadata])
  }

  @Test func `plain columns are neither copied out nor in`() throws {
    let column = Column.int64s([1, 2, nil, 4])
    let batch = Batch(schema: Schema(Field("n", .int64)), columns: [column], rowCount: 4)
    var encoder = IPCEncoder(schema: batch.schema)
    let message = try #require(try encoder.encode(batch).last)
    #expect(message.body[0].hasOwner(of: column.buffers[0]))
    #expect(message.body[1].hasOwner(of: column.buffers[1]))

    var decoder = IPCDecoder(schema: batch.schema)
    let body = Buffer.joining(Array(IPCStream.pieces(of: message).dropFirst()))
    #expect(body.count == message.bodyByteCount)
    let result = try decoder.decode(header: Buffer(copying: message.header), body: body)
    guard case .batch(let copy) = result else { throw Unexpected() }
    #expect(copy.columns[0].buffers[1].hasOwner(of: body))
    #expect(copy.texts == batch.texts)
  }

  @Test func `a dictionary is sent again only when it has changed`() throws {
    func batch(_ values: [String?]) -> Batch {
      let column = Samples.dictionaryColumn(.int8, Int8.self, [0, 0], .strings(values))
      return Batch(schema: Schema(Field("d", column.type)), columns: [column], rowCount: 2)
    }
    var encoder = IPCEncoder(schema: batch(["a"]).schema)
    #expect(try encoder.encode(batch(["a"])).count == 2)
    #expect(try encoder.encode(batch(["a"])).count == 1)
    #expect(try encoder.encode(batch(["b"])).count == 2)
  }

  @Test func `a slice ships only the bytes of its rows`() throws {
    let batch = Batch(
      schema: Schema(Field("s", .utf8)),
      columns: [.strings((0..<1000).map { "value \($0)" })], rowCount: 1000)
    var encoder = IPCEncoder(schema: batch.schema)
    let messages = try encoder.encode(batch.slice(from: 500, count: 2))
    #expect(messages.last?.bodyByteCount == 40)
  }

  @Test func `schema bytes give the schema back`() throws {
    let schema = Samples.batch().schema
    #expect(try IPCStream.schema(fromEncapsulated: IPCStream.schemaBytes(schema)) == schema)
  }

  @Test func `a batch of another schema is not encoded`() {
    var encoder = IPCEncoder(schema: Schema(Field("n", .int32)))
    let batch = Batch(schema: Schema(Field("n", .int64)), columns: [.int64s([1])], rowCount: 1)
    #expect(throws: IPCError.self) { try encoder.encode(batch) }
  }

  @Test func `any slices joined again are the same values`() throws {
    let batch = Samples.batch()
    for size in 1...batch.rowCount {
      let parts = stride(from: 0, to: batch.rowCount, by: size).map {
        batch.slice(from: $0, count: size)
      }
      #expect(parts.flatMap(\.texts) == batch.texts)
      #expect(try Batch.concatenate(parts).texts == batch.texts)
    }
  }

  @Test func `joining columns whose dictionaries differ keeps the values`() throws {
    func batch(_ values: [String?]) -> Batch {
      let column = Samples.dictionaryColumn(.int8, Int8.self, [1, nil, 0], .strings(values))
      return Batch(schema: Schema(Field("d", column.type)), columns: [column], rowCount: 3)
    }
    let joined = try Batch.concatenate([batch(["a", "b"]), batch(["c", nil])])
    #expect(joined.texts.flatMap { $0 } == ["b", "null", "a", "null", "null", "c"])
  }
}

struct Unexpected: Error {}
