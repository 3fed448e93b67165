import FoundationEssentials
import NIOCore
import SwiftProtobuf
import Testing

@testable import FlightProtocol

/// The generated message is the reference: the hand-written codec must agree with it byte by byte.
private typealias Reference = Arrow_Flight_Protocol_FlightData

private func reference(of data: FlightData) -> Reference {
  Reference.with { message in
    if let descriptor = data.descriptor { message.flightDescriptor = descriptor }
    message.dataHeader = .init(data.header.readableBytesView)
    message.appMetadata = .init((data.appMetadata ?? ByteBuffer()).readableBytesView)
    message.dataBody = .init(data.body.flatMap { Array($0.readableBytesView) })
  }
}

private func joined(_ encoded: (head: ByteBuffer, body: [ByteBuffer])) -> ByteBuffer {
  var whole = encoded.head
  for part in encoded.body { whole.writeImmutableBuffer(part) }
  return whole
}

private func sample(headerBytes: Int, metadataBytes: Int, bodyParts: [Int]) -> FlightData {
  var descriptor = Flight.FlightDescriptor(path: ["a", "bc"])
  descriptor.cmd = .init([1, 2, 3])
  return FlightData(
    descriptor: descriptor,
    header: ByteBuffer(repeating: 0xA1, count: headerBytes),
    appMetadata: metadataBytes == 0 ? nil : ByteBuffer(repeating: 0xB2, count: metadataBytes),
    body: bodyParts.map { ByteBuffer(repeating: UInt8(truncatingIfNeeded: $0), count: $0) })
}

@Suite struct FlightDataTests {
  @Test(
    arguments: [
      (0, 0, []), (1, 0, [1]), (127, 128, [8, 0, 120]), (300, 0, [70_000, 8]), (128, 5, []),
    ] as [(Int, Int, [Int])])
  func `a message is encoded as the reference does`(
    headerBytes: Int, metadataBytes: Int, bodyParts: [Int]
  ) throws {
    let data = sample(
      headerBytes: headerBytes, metadataBytes: metadataBytes, bodyParts: bodyParts)
    let whole = joined(try data.encode())
    let expected: [UInt8] = try reference(of: data).serializedBytes()
    #expect(Array(whole.readableBytesView) == expected)
  }

  @Test(arguments: [(0, 0, []), (200, 3, [64, 128]), (1, 1, [1])] as [(Int, Int, [Int])])
  func `what the reference encodes is decoded to the same parts`(
    headerBytes: Int, metadataBytes: Int, bodyParts: [Int]
  ) throws {
    let data = sample(
      headerBytes: headerBytes, metadataBytes: metadataBytes, bodyParts: bodyParts)
    let bytes: [UInt8] = try reference(of: data).serializedBytes()
    let decoded = try FlightData.decode(ByteBuffer(bytes: bytes))
    #expect(reference(of: decoded) == reference(of: data))
  }

  @Test func `the body of a decoded message lies in the memory of the message`() throws {
    let body = ByteBuffer(repeating: 7, count: 4096)
    let whole = joined(try FlightData(header: ByteBuffer(string: "h"), body: [body]).encode())
    let decoded = try FlightData.decode(whole)
    let part = try #require(decoded.body.first)
    let outer = unsafe whole.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    let inner = unsafe part.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    #expect((outer..<(outer + UInt(whole.readableBytes))).contains(inner))
    #expect(part == body)
  }

  @Test func `a body behind 16 MiB of header is found without copying`() throws {
    let header = ByteBuffer(repeating: 1, count: 17 << 20)
    let body = ByteBuffer(string: "the body")
    let decoded = try FlightData.decode(
      joined(try FlightData(header: header, body: [body]).encode()))
    #expect(decoded.body == [body])
    #expect(decoded.header.readableBytes == header.readableBytes)
  }

  @Test func `the pieces of the body are handed on as they are`() throws {
    let body = [ByteBuffer(repeating: 1, count: 64), ByteBuffer(repeating: 2, count: 8)]
    let encoded = try FlightData(header: ByteBuffer(string: "x"), body: body).encode()
    #expect(encoded.body == body)
    #expect(encoded.head.readableBytes < 16)
  }

  @Test func `unknown fields of every wire type are skipped`() throws {
    var bytes = ByteBuffer()
    bytes.writeBytes([0x28, 0x96, 0x01])  // field 5, number
    bytes.writeBytes([0x31, 1, 2, 3, 4, 5, 6, 7, 8])  // field 6, 8 bytes
    bytes.writeBytes([0x3A, 2, 9, 9])  // field 7, delimited
    bytes.writeBytes([0x43, 0x08, 0x01, 0x4B, 0x4C, 0x44])  // group 8, in it a number and group 9
    bytes.writeBytes([0x4D, 1, 2, 3, 4])  // field 9, 4 bytes
    bytes.writeBytes([0x12, 1, 0x55])  // field 2: the header
    let decoded = try FlightData.decode(bytes)
    #expect(decoded.header == ByteBuffer(bytes: [0x55]))
  }

  @Test func `a descriptor in two pieces is merged`() throws {
    var bytes = ByteBuffer()
    bytes.writeBytes([0x0A, 2, 0x08, 2])  // type = CMD
    bytes.writeBytes([0x0A, 3, 0x12, 1, 7])  // cmd = [7]
    let descriptor = try #require(try FlightData.decode(bytes).descriptor)
    #expect(descriptor.type == .cmd)
    #expect(Array(descriptor.cmd) == [7])
  }

  @Test(
    arguments: [
      [0x12], [0x12, 0x80], [0x12, 5, 1], [0xFF], [0x00], [0x02, 0], [0x0C], [0x0E], [0x0F],
      [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
      [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x0B, 0x0B, 0x0B], [0x0B, 0x14], [0x0D, 1, 2], [0x09, 1, 2], [0x0A, 1, 0xFF],
    ] as [[UInt8]])
  func `a malformed message is refused`(bytes: [UInt8]) {
    #expect(throws: ProtocolError.self) { try FlightData.decode(ByteBuffer(bytes: bytes)) }
  }

  @Test func `groups that nest without end are refused`() {
    let bytes = ByteBuffer(repeating: 0x2B, count: 1_000_000)
    #expect(throws: ProtocolError.self) { try FlightData.decode(bytes) }
  }

  @Test func `damaged messages never trap, and agree with the reference`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    let data = sample(headerBytes: 40, metadataBytes: 9, bodyParts: [64, 8])
    let good = Array(joined(try data.encode()).readableBytesView)
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] ^=
          1
          << UInt8.random(
            in: 0..<8, using: &random)
      }
      if Bool.random(using: &random) {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
      }
      let decoded = try? FlightData.decode(ByteBuffer(bytes: bytes))
      if let expected = try? Reference(serializedBytes: bytes), let decoded {
        let rest = expected.with { $0.unknownFields = UnknownStorage() }
        let ours = reference(of: decoded).with { $0.flightDescriptor.unknownFields = .init() }
        #expect(
          rest.dataBody == ours.dataBody && rest.dataHeader == ours.dataHeader
            && rest.appMetadata == ours.appMetadata, "seed \(seed)")
      }
    }
  }

  @Test func `a message over 2 GiB is refused before it is made`() {
    // Pieces share one allocation, so this needs little memory.
    let piece = ByteBuffer(repeating: 0, count: 1 << 24)
    let data = FlightData(body: Array(repeating: piece, count: 128))
    #expect(throws: ProtocolError.self) { try data.encode() }
  }
}

/// Small deterministic generator; a failure names its seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension SwiftProtobuf.Message {
  fileprivate func with(_ change: (inout Self) -> Void) -> Self {
    var copy = self
    change(&copy)
    return copy
  }
}
