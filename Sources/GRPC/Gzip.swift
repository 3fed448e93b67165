internal import CZlib
internal import NIOCore

/// Whole-message gzip. Each message is a gzip member of its own, as gRPC asks.
enum Gzip {
  /// How much output is made room for at a time.
  private static let chunkBytes = 64 * 1024

  static func compress(_ message: GatherMessage) throws(GRPCError) -> ByteBuffer {
    var stream = unsafe z_stream()
    // Level 1: networks are usually fast, so what counts is not to slow them down.
    guard unsafe hyprstream_gzip_start(&stream, 1) == Z_OK else { throw .noMemoryForCompression }
    defer { _ = unsafe deflateEnd(&stream) }

    var output = ByteBuffer()
    var parts = [message.head]
    parts.append(contentsOf: message.body)
    for part in parts {
      guard unsafe run(&stream, part, &output, limit: .max, { unsafe deflate($0, Z_NO_FLUSH) }) >= 0
      else { throw .noMemoryForCompression }
    }
    let end = unsafe run(&stream, ByteBuffer(), &output, limit: .max) {
      unsafe deflate($0, Z_FINISH)
    }
    guard end == Z_STREAM_END else { throw .noMemoryForCompression }
    return output
  }

  /// - Throws: `RESOURCE_EXHAUSTED` if more than `limit` bytes would come out, `INTERNAL` if `input`
  ///   is not one whole gzip member.
  static func decompress(_ input: ByteBuffer, limit: Int) throws(GRPCError) -> ByteBuffer {
    var stream = unsafe z_stream()
    guard unsafe hyprstream_gunzip_start(&stream) == Z_OK else { throw .noMemoryForCompression }
    defer { _ = unsafe inflateEnd(&stream) }

    var output = ByteBuffer()
    let end = unsafe run(&stream, input, &output, limit: limit) { unsafe inflate($0, Z_NO_FLUSH) }
    guard output.readableBytes <= limit else {
      throw .messageTooLarge(output.readableBytes, limit: limit)
    }
    guard end == Z_STREAM_END, unsafe stream.avail_in == 0 else {
      throw GRPCError(.internal, "A compressed message is not valid gzip.")
    }
    return output
  }

  /// Runs `step` until all of `input` is consumed and it has no more output, or until the output is
  /// above `limit`.
  ///
  /// - Returns: The last code of zlib.
  private static func run(
    _ stream: inout z_stream, _ input: ByteBuffer, _ output: inout ByteBuffer, limit: Int,
    _ step: (UnsafeMutablePointer<z_stream>) -> CInt
  ) -> CInt {
    unsafe input.withUnsafeReadableBytes { source in
      // zlib reads `next_in` only; the C declaration lacks the const.
      unsafe stream.next_in = UnsafeMutablePointer(
        mutating: source.baseAddress?.assumingMemoryBound(to: Bytef.self))
      unsafe stream.avail_in = uInt(clamping: source.count)
      var code = Z_OK
      var hasRoomLeft = false
      while !hasRoomLeft && code == Z_OK && output.readableBytes <= limit {
        output.reserveCapacity(minimumWritableBytes: chunkBytes)
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: chunkBytes) { room in
          let available = min(room.count, Int(uInt.max))
          unsafe stream.next_out = room.baseAddress?.assumingMemoryBound(to: Bytef.self)
          unsafe stream.avail_out = uInt(available)
          code = unsafe step(&stream)
          hasRoomLeft = unsafe stream.avail_out > 0
          return unsafe available - Int(stream.avail_out)
        }
      }
      // "No progress was possible" is how zlib says that it was already done.
      return code == Z_BUF_ERROR ? Z_OK : code
    }
  }
}

extension GRPCError {
  fileprivate static let noMemoryForCompression = GRPCError(
    .resourceExhausted, "There is not enough memory to compress or decompress a message.")
}
