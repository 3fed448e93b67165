import NIOCore
import NIOHPACK
import Testing

@testable import GRPC

@Suite struct `Percent encoding` {
  @Test(
    arguments: [
      ("", ""), ("plain text.", "plain text."), ("100%", "100%25"), ("a\nb", "a%0Ab"),
      ("☃", "%E2%98%83"), ("~", "~"), ("\u{7F}", "%7F"),
    ])
  func `a message is written with escapes and read back`(message: String, encoded: String) {
    #expect(PercentEncoding.encode(message) == encoded)
    #expect(PercentEncoding.decode(encoded) == message)
  }

  @Test(arguments: ["%", "%4", "%zz", "a%", "%%41"])
  func `what is not an escape is kept`(text: String) {
    #expect(PercentEncoding.decode(text).hasPrefix(text.prefix(1)))
  }

  @Test func `lower-case escapes are read`() {
    #expect(PercentEncoding.decode("%e2%98%83%2f") == "☃/")
  }
}

@Suite struct `Timeout header` {
  @Test(
    arguments: [
      ("1H", .hours(1)), ("2M", .minutes(2)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
      ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("00000001S", .seconds(1)),
      ("0n", .nanoseconds(0)),
      ("99999999H", .nanoseconds(.max)),  // 11,408 years do not fit 64 bits of nanoseconds
    ] as [(String, TimeAmount)])
  func `a number and a unit are read`(text: String, amount: TimeAmount) {
    #expect(GRPCTimeout.parse(text) == amount)
  }

  @Test(arguments: ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S", "１S"])
  func `anything else is refused`(text: String) {
    #expect(GRPCTimeout.parse(text) == nil)
  }

  @Test(
    arguments: [
      (.nanoseconds(1), "1n"), (.nanoseconds(99_999_999), "99999999n"),
      (.nanoseconds(100_000_001), "100001u"), (.seconds(10), "10000000u"),
      (.hours(24), "86400000m"), (.nanoseconds(.max), "9223372037S"), (.nanoseconds(-5), "0n"),
    ] as [(TimeAmount, String)])
  func `a time is written in at most eight digits, never too short`(
    amount: TimeAmount, text: String
  )
    throws
  {
    let written = GRPCTimeout.format(amount)
    if text.utf8.count <= 9 { #expect(written == text) }
    let back = try #require(GRPCTimeout.parse(written))
    #expect(back >= amount)
  }
}

@Suite struct `Base64 of metadata` {
  @Test func `bytes of every length come back`() throws {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
    }
  }

  @Test(arguments: [("Zg==", "f"), ("Zg", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("-_-_", nil)])
  func `padding is optional and both alphabets are read`(text: String, plain: String?) {
    let bytes = Base64.decode(text.utf8)
    if let plain { #expect(bytes == Array(plain.utf8)) } else { #expect(bytes == [251, 255, 191]) }
  }

  @Test(arguments: ["Z", "Zm9vZ", "Z*==", "Zg==Zg", "Zg==="])
  func `what is not base64 is refused`(text: String) {
    #expect(Base64.decode(text.utf8) == nil)
  }
}

@Suite struct `Call metadata` {
  @Test func `names become lower case, order and repetition are kept`() {
    var metadata: GRPCMetadata = ["B": "1", "a": "2"]
    metadata.add("b", "3")
    #expect(metadata.map(\.name) == ["b", "a", "b"])
    #expect(metadata.first("b") == "1")
    #expect(metadata.all("b") == ["1", "3"])
    #expect(metadata.first("c") == nil)
  }

  @Test func `bytes travel under a name that ends in -bin`() {
    var metadata = GRPCMetadata()
    metadata.addBinary("key", [0, 255, 10])
    #expect(metadata.first("key-bin") == "AP8K")
    #expect(metadata.binary("key-bin") == [0, 255, 10])
    metadata.add("two-bin", "AP8K,Zg==")
    #expect(metadata.binary("two-bin") == [0, 255, 10])
  }

  @Test func `names of the transport are not part of the sequence`() {
    let metadata = GRPCMetadata(received: [
      ":path": "/a", "te": "trailers", "grpc-timeout": "1S", "x": "y",
    ])
    #expect(metadata.map(\.name) == ["x"])
    #expect(metadata.first(":path") == "/a")
    #expect(!metadata.isEmpty)
    #expect(GRPCMetadata(received: [":path": "/a"]).isEmpty)
  }

  @Test func `a value cannot smuggle a line break`() {
    let metadata: GRPCMetadata = ["x": "a\r\nb: c"]
    #expect(metadata.first("x") == "a??b: c")
  }
}

@Suite struct `Gzip messages` {
  @Test(arguments: [0, 1, 100, 65_536, 1_000_000])
  func `what is compressed comes back`(byteCount: Int) throws {
    let bytes = ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 / 7) })
    let message = GatherMessage(head: ByteBuffer(string: "head"), body: [bytes, bytes])
    let compressed = try Gzip.compress(message)
    let back = try Gzip.decompress(compressed, limit: .max)
    var expected = ByteBuffer(string: "head")
    expected.writeImmutableBuffer(bytes)
    expected.writeImmutableBuffer(bytes)
    #expect(back == expected)
  }

  @Test func `a bomb is stopped at the limit`() throws {
    let zeros = GatherMessage(head: ByteBuffer(repeating: 0, count: 50_000_000))
    let bomb = try Gzip.compress(zeros)
    #expect(bomb.readableBytes < 300_000)
    let error = #expect(throws: GRPCError.self) { try Gzip.decompress(bomb, limit: 1_000_000) }
    #expect(error?.code == .resourceExhausted)
    #expect(try Gzip.decompress(bomb, limit: 50_000_000).readableBytes == 50_000_000)
  }

  @Test func `damage and leftovers are refused`() throws {
    let good = try Gzip.compress(GatherMessage(bytes: Array(repeating: 7, count: 1000)))
    for cut in [0, 1, 10, good.readableBytes - 1] {
      let part = try #require(good.getSlice(at: 0, length: cut))
      #expect(throws: GRPCError.self) { try Gzip.decompress(part, limit: 10_000) }
    }
    var doubled = good
    doubled.writeInteger(0 as UInt8)
    #expect(throws: GRPCError.self) { try Gzip.decompress(doubled, limit: 10_000) }
    var flipped = good
    flipped.setInteger(UInt8(0xFF), at: good.readableBytes - 6)
    #expect(throws: GRPCError.self) { try Gzip.decompress(flipped, limit: 10_000) }
  }
}
