import Columnar
import FlightProtocol
import NIOCore
import Testing

private func address(of buffer: ByteBuffer) -> UInt {
  unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
}

private func address(of buffer: Columnar.Buffer) -> UInt {
  unsafe UInt(bitPattern: buffer.unsafeBytes.baseAddress)
}

@Suite struct ByteBufferOwnerTests {
  @Test func `a network buffer becomes a column's buffer and back without copying`() {
    var network = ByteBuffer(bytes: Array(0..<100))
    network.moveReaderIndex(forwardBy: 10)
    let buffer = Columnar.Buffer(network)
    #expect(buffer.count == 90)
    #expect(address(of: buffer) == address(of: network))
    let part = ByteBuffer(buffer.slice(from: 8, byteCount: 16))
    #expect(Array(part.readableBytesView) == Array(18..<34))
    #expect(address(of: part) == address(of: network) + 8)
  }

  @Test func `a part beyond 16 MiB is not copied`() {
    let network = ByteBuffer(repeating: 3, count: 20 << 20)
    let buffer = Columnar.Buffer(network)
    let part = ByteBuffer(buffer.slice(from: 18 << 20, byteCount: 64))
    #expect(address(of: part) == address(of: network) + (18 << 20))
    #expect(part.readableBytes == 64)
  }

  @Test func `writing the network buffer later does not change the column`() {
    var network = ByteBuffer(bytes: [1, 2, 3, 4])
    let buffer = Columnar.Buffer(network)
    network.setInteger(UInt8(9), at: 0)
    #expect(Array(ByteBuffer(buffer).readableBytesView) == [1, 2, 3, 4])
  }

  @Test func `an empty network buffer is an empty buffer`() {
    #expect(Columnar.Buffer(ByteBuffer()).isEmpty)
    #expect(ByteBuffer(Columnar.Buffer.empty).readableBytes == 0)
  }

  @Test func `memory of the heap is copied, with its padding`() {
    let buffer = Columnar.Buffer(copying: [UInt8](1...5))
    let plain = ByteBuffer(buffer)
    #expect(Array(plain.readableBytesView) == [1, 2, 3, 4, 5])
    let padded = ByteBuffer(buffer, paddingByteCount: 3)
    #expect(Array(padded.readableBytesView) == [1, 2, 3, 4, 5, 0, 0, 0])
  }

  @Test(arguments: [0, 1, 63, 64, 65, 5000, 1 << 20])
  func `what the allocator makes is sent from where it was written`(byteCount: Int) {
    let writable = NetworkBufferAllocator().allocate(byteCount: byteCount)
    #expect(writable.capacity >= byteCount)
    for index in 0..<byteCount {
      unsafe writable.bytes[index] = UInt8(truncatingIfNeeded: index)
    }
    let buffer = writable.finish(byteCount: byteCount)
    #expect(buffer.isAligned(for: Int64.self))
    let sent = ByteBuffer(buffer, paddingByteCount: 7)
    let padding = min(7, buffer.paddingByteCount)
    #expect(sent.readableBytes == byteCount + padding)
    if byteCount > 0 { #expect(address(of: sent) == address(of: buffer)) }
    #expect(Array(sent.readableBytesView.suffix(padding)).allSatisfy { $0 == 0 })
    #expect(
      sent.readableBytesView.prefix(byteCount).enumerated().allSatisfy {
        $0.element == UInt8(truncatingIfNeeded: $0.offset)
      })
  }
}
