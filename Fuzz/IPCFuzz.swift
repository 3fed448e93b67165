import Columnar
import Glibc

/// What libFuzzer calls with each input: an Arrow IPC stream, most of the time a damaged one.
///
/// It reads every batch and some values of every column, and writes the batch again; what it wrote
/// must be readable, or something was accepted that is not valid. With
/// `HYPRSTREAM_FUZZ_CANARY` set, an input that starts with `BUG!` traps: a campaign that cannot
/// find that one finds nothing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  if canaryIsPlanted { canary(bytes) }
  try? consume(Buffer(copying: bytes))
  return 0
}

private let canaryIsPlanted = getenv("HYPRSTREAM_FUZZ_CANARY") != nil

/// One branch per byte, which coverage leads through.
private func canary(_ bytes: [UInt8]) {
  guard bytes.count >= 4 else { return }
  if bytes[0] == UInt8(ascii: "B") {
    if bytes[1] == UInt8(ascii: "U") {
      if bytes[2] == UInt8(ascii: "G") {
        if bytes[3] == UInt8(ascii: "!") { fatalError("the canary was found") }
      }
    }
  }
}

private func consume(_ bytes: Buffer) throws {
  let limits = IPCLimits(
    maxRowCount: 1 << 20, maxDecompressedBytes: 1 << 20, maxDictionaryBytes: 1 << 20)
  var reader = try IPCStreamReader(bytes, limits: limits)
  var encoder = IPCEncoder(schema: reader.schema)
  var decoder = IPCDecoder(limits: limits, schema: reader.schema)
  while let batch = try reader.next() {
    for row in stride(from: 0, to: batch.rowCount, by: max(batch.rowCount / 16, 1)) {
      for column in batch.columns where column.itemCount(at: row) < 1000 {
        _ = column.string(at: row)
      }
    }
    check(try encoder.encode(batch), with: &decoder, rowCount: batch.rowCount)
    let middle = batch.slice(from: batch.rowCount / 3, count: min(batch.rowCount / 3, 100))
    _ = try Batch.concatenate([middle, middle])
  }
}

/// What was read and written can be read again.
private func check(
  _ messages: [IPCMessage], with decoder: inout IPCDecoder, rowCount: Int
) {
  for message in messages {
    var body: [UInt8] = []
    for piece in IPCStream.pieces(of: message).dropFirst() {
      body.append(contentsOf: piece.unsafeBytes)
    }
    do {
      let result = try decoder.decode(
        header: Buffer(copying: message.header), body: Buffer(copying: body))
      if case .batch(let batch) = result { precondition(batch.rowCount == rowCount) }
    } catch {
      fatalError("an accepted batch cannot be read again: \(error)")
    }
  }
}

extension Column {
  /// Items in the value at `row`; lists of millions take too long to write for a fuzzer.
  fileprivate func itemCount(at row: Int) -> Int {
    let (column, row) = resolved(row)
    return column.itemRange(at: row).count
  }
}
