import NIOCore
import Testing

@testable import GRPC

@Suite struct `Message decoder` {
  private func framed(_ payloads: [[UInt8]]) -> [UInt8] {
    var bytes = ByteBuffer()
    for payload in payloads {
      bytes.writeInteger(0 as UInt8)
      bytes.writeInteger(UInt32(payload.count))
      bytes.writeBytes(payload)
    }
    return Array(buffer: bytes)
  }

  private func decode(
    _ pieces: [[UInt8]], limit: Int = 1 << 20
  ) throws -> (messages: [[UInt8]], isBetween: Bool) {
    var decoder = MessageDecoder(maxMessageBytes: limit)
    var messages: [[UInt8]] = []
    for piece in pieces {
      try decoder.decode(ByteBuffer(bytes: piece)) { messages.append(Array(buffer: $0.payload)) }
    }
    return (messages, decoder.isBetweenMessages)
  }

  @Test func `messages are found wherever the bytes are cut`() throws {
    let payloads: [[UInt8]] = [[], [1], [2, 3], Array(0..<100), [], [9]]
    let bytes = framed(payloads)
    for size in 1...bytes.count {
      let pieces = stride(from: 0, to: bytes.count, by: size).map {
        Array(bytes[$0..<min($0 + size, bytes.count)])
      }
      let (messages, isBetween) = try decode(pieces)
      #expect(messages == payloads, "pieces of \(size)")
      #expect(isBetween)
    }
  }

  @Test func `the end of the stream within a message is noticed at every byte`() throws {
    let bytes = framed([[1, 2, 3]])
    for count in 1..<bytes.count {
      #expect(try !decode([Array(bytes.prefix(count))]).isBetween, "after \(count) bytes")
    }
    #expect(try decode([]).isBetween)
  }

  @Test func `a message above the limit is refused by its prefix, for ever`() throws {
    var decoder = MessageDecoder(maxMessageBytes: 10)
    var count = 0
    try decoder.decode(ByteBuffer(bytes: framed([Array(repeating: 1, count: 10)]))) { _ in
      count += 1
    }
    #expect(count == 1)
    for bytes: [UInt8] in [[0, 0, 0, 0, 11], [0, 0, 0, 0, 1, 1]] {
      #expect(throws: GRPCError.messageTooLarge(11, limit: 10)) {
        try decoder.decode(ByteBuffer(bytes: bytes)) { _ in count += 1 }
      }
    }
    #expect(count == 1)
  }

  @Test func `a flag other than 0 and 1 is refused`() {
    #expect(throws: GRPCError.self) { try decode([[2, 0, 0, 0, 0]]) }
  }

  @Test func `memory grows with what arrives, not with what is announced`() throws {
    var buffers: [ByteBuffer] = []
    var decoder = MessageDecoder(maxMessageBytes: 1 << 30)
    try decoder.decode(ByteBuffer(bytes: [0, 0x3F, 0, 0, 0] + Array(repeating: 7, count: 100))) {
      buffers.append($0.payload)
    }
    #expect(buffers.isEmpty)
    let reserved = decoder.reservedBytes
    #expect(reserved >= 100 && reserved <= 2 * (MessageDecoder.maxReservedAhead + 100))
  }

  @Test func `a piece is added where there is room, without copying what came before`() throws {
    var decoder = MessageDecoder(maxMessageBytes: 1 << 30)
    try decoder.decode(ByteBuffer(bytes: [0, 0x01, 0, 0, 0])) { _ in }
    let piece = ByteBuffer(repeating: 1, count: 1000)
    var addresses: [Int] = []
    for _ in 0..<10_000 {
      try decoder.decode(piece) { _ in }
      addresses.append(decoder.partialAddress)
    }
    let moves = zip(addresses, addresses.dropFirst()).count { $0 != $1 }
    #expect(moves < 20)
  }

  @Test func `a whole message is a view of the bytes that brought it`() throws {
    var decoder = MessageDecoder(maxMessageBytes: 1 << 20)
    let bytes = ByteBuffer(bytes: framed([Array(repeating: 5, count: 1000)]))
    var storage: [Int] = []
    unsafe bytes.withUnsafeReadableBytes {
      storage.append(Int(bitPattern: $0.baseAddress) + 5)
    }
    try decoder.decode(bytes) { message in
      unsafe message.payload.withUnsafeReadableBytes {
        storage.append(Int(bitPattern: $0.baseAddress))
      }
    }
    #expect(storage.count == 2 && storage[0] == storage[1])
  }
}

@Suite struct `Message encoder` {
  private func parts(_ message: GatherMessage) throws -> [ByteBuffer] {
    var parts: [ByteBuffer] = []
    try MessageEncoder.encode(message) { parts.append($0) }
    return parts
  }

  @Test func `an empty message is its prefix`() throws {
    #expect(try parts(GatherMessage(head: ByteBuffer())) == [ByteBuffer(bytes: [0, 0, 0, 0, 0])])
  }

  @Test func `small parts go out together`() throws {
    let message = GatherMessage(
      head: ByteBuffer(bytes: [1]), body: [ByteBuffer(bytes: [2]), ByteBuffer(bytes: [3])])
    #expect(try parts(message) == [ByteBuffer(bytes: [0, 0, 0, 0, 3, 1, 2, 3])])
  }

  @Test func `a large part goes out as it is, in its place`() throws {
    let large = ByteBuffer(repeating: 9, count: 100_000)
    let message = GatherMessage(
      head: ByteBuffer(bytes: [1]),
      body: [ByteBuffer(bytes: [2]), large, ByteBuffer(bytes: [3]), large, ByteBuffer(bytes: [4])])
    let parts = try parts(message)
    #expect(parts.map(\.readableBytes) == [7, 100_000, 1, 100_000, 1])
    let addresses = [parts[1], parts[3], large].map { buffer in
      unsafe buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
    }
    #expect(Set(addresses).count == 1)
  }
}
