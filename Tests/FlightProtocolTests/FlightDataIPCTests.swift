import Columnar
import FlightProtocol
import NIOCore
import Testing

private let schema = Schema(Field("a", .uint8), Field("b", .utf8), Field("c", .int64))

/// Columns whose buffers end at all distances from a multiple of 8.
private func batch(rowCount: Int, allocator: any BufferAllocator) -> Batch {
  func buffer<Value: BitwiseCopyable>(_ values: [Value]) -> Columnar.Buffer {
    let byteCount = values.count * MemoryLayout<Value>.stride
    let writable = allocator.allocate(byteCount: byteCount)
    unsafe values.withUnsafeBytes { unsafe writable.bytes.copyMemory(from: $0) }
    return writable.finish(byteCount: byteCount)
  }
  let bytes = (0..<rowCount).map { UInt8(truncatingIfNeeded: $0) }
  let letters = (0..<rowCount).map { UInt8(ascii: "a") + UInt8($0 % 26) }
  return Batch(
    schema: schema,
    columns: [
      Column(type: .uint8, count: rowCount, buffers: [.empty, buffer(bytes)]),
      Column(
        type: .utf8, count: rowCount,
        buffers: [.empty, buffer((0...rowCount).map { Int32($0) }), buffer(letters)]),
      Column(
        type: .int64, count: rowCount, buffers: [.empty, buffer((0..<rowCount).map { Int64($0) })]),
    ], rowCount: rowCount)
}

private func decoded(_ data: FlightData, with decoder: inout IPCDecoder) throws -> Batch? {
  // Through the wire, in one piece, at an odd place in memory.
  let (head, body) = try data.encode()
  var whole = ByteBuffer(bytes: [0])
  whole.moveReaderIndex(forwardBy: 1)
  whole.writeImmutableBuffer(head)
  for part in body { whole.writeImmutableBuffer(part) }
  let arrived = try FlightData.decode(whole)
  guard
    case .batch(let batch) = try decoder.decode(
      header: arrived.columnarHeader, body: arrived.columnarBody)
  else { return nil }
  return batch
}

@Suite struct FlightDataIPCTests {
  @Test(arguments: [0, 1, 2, 3, 5, 7, 8, 63, 64, 65, 1000], [true, false])
  func `a batch survives the wire`(rowCount: Int, isNetworkMemory: Bool) throws {
    let allocator: any BufferAllocator =
      isNetworkMemory ? NetworkBufferAllocator() : HeapAllocator()
    let original = batch(rowCount: rowCount, allocator: allocator)
    var encoder = IPCEncoder(schema: schema)
    var decoder = IPCDecoder()
    #expect(try decoded(FlightData(encoder.schemaMessage), with: &decoder) == nil)
    #expect(decoder.schema == schema)
    let message = try #require(try encoder.encode(original).last)
    let data = try FlightData(message)
    #expect(data.bodyByteCount == message.bodyByteCount)
    let copy = try #require(try decoded(data, with: &decoder))
    #expect(copy.rowCount == rowCount)
    for (column, other) in zip(original.columns, copy.columns) {
      #expect((0..<rowCount).allSatisfy { column.string(at: $0) == other.string(at: $0) })
    }
  }

  @Test func `what lies in network memory is sent from there`() throws {
    let original = batch(rowCount: 1000, allocator: NetworkBufferAllocator())
    var encoder = IPCEncoder(schema: schema)
    let message = try #require(try encoder.encode(original).last)
    let data = try FlightData(message)
    let sent = Set(
      data.body.map { part in
        unsafe part.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
      })
    for buffer in original.columns.flatMap(\.buffers) where !buffer.isEmpty {
      #expect(sent.contains(unsafe UInt(bitPattern: buffer.unsafeBytes.baseAddress)))
    }
    #expect(data.body.count == 4)
  }

  @Test func `a part of a received body is padded from elsewhere`() throws {
    let received = Columnar.Buffer(ByteBuffer(repeating: 0xFF, count: 64))
    let message = IPCMessage(
      header: [1, 2, 3, 4, 5, 6, 7, 8], body: [received.slice(from: 8, byteCount: 3)],
      bodyByteCount: 8)
    let data = try FlightData(message)
    #expect(data.body.flatMap { Array($0.readableBytesView) } == [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0])
  }
}
