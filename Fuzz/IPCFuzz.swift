import Columnar
import Glibc

/// What libFuzzer calls with each input: an Arrow IPC stream, most of the time a damaged one.
///
/// It reads every batch, some values of every column, and writes the batch again. With
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
  while let batch = try reader.next() {
    for row in stride(from: 0, to: batch.rowCount, by: max(batch.rowCount / 16, 1)) {
      for column in batch.columns where column.itemCount(at: row) < 1000 {
        _ = column.string(at: row)
      }
    }
    _ = try encoder.encode(batch)
    let middle = batch.slice(from: batch.rowCount / 3, count: min(batch.rowCount / 3, 100))
    _ = try Batch.concatenate([middle, middle])
  }
}

extension Column {
  /// Items in the value at `row`; lists of millions take too long to write for a fuzzer.
  fileprivate func itemCount(at row: Int) -> Int {
    let (column, row) = resolved(row)
    return column.itemRange(at: row).count
  }
}
