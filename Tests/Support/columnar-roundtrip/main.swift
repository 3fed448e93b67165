import Columnar
import Foundation

// Reads an Arrow IPC stream from a file, writes it to another, in one of several ways.
//
// Usage: columnar-roundtrip MODE INPUT OUTPUT, where MODE is plain, lz4, zstd, cdata (through the
// C data interface), slices (in pieces of 3 rows), joined (pieces put together again) or text.

struct UsageError: Error {}

func bytes(_ pieces: [Buffer]) -> Data {
  var data = Data()
  for piece in pieces { unsafe data.append(contentsOf: piece.unsafeBytes) }
  return data
}

func pieces(_ batch: Batch, rowCount: Int) -> [Batch] {
  stride(from: 0, to: batch.rowCount, by: rowCount).map {
    batch.slice(from: $0, count: rowCount)
  }
}

func throughCData(_ batch: Batch) throws -> Batch {
  let schema = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 8)
  let array = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 8)
  defer {
    unsafe schema.deallocate()
    unsafe array.deallocate()
  }
  unsafe CData.exportSchema(batch.schema, to: schema)
  unsafe CData.exportBatch(batch, to: array)
  let imported = try unsafe CData.importSchema(moving: schema)
  let copy = try unsafe CData.importBatch(moving: array, schema: imported)
  return Batch(
    schema: copy.schema, columns: copy.columns, rowCount: copy.rowCount, metadata: batch.metadata)
}

func text(_ batch: Batch) -> String {
  var lines = ""
  for row in 0..<batch.rowCount {
    lines += batch.columns.map { $0.string(at: row) ?? "NULL" }.joined(separator: "\t") + "\n"
  }
  return lines
}

func run(_ arguments: [String]) throws {
  guard arguments.count == 4 else { throw UsageError() }
  let input = try Data(contentsOf: URL(fileURLWithPath: arguments[2]))
  var reader = try IPCStreamReader(Buffer(copying: Array(input)))
  var batches: [Batch] = []
  while let batch = try reader.next() { batches.append(batch) }
  var compression: IPCCompression?
  switch arguments[1] {
  case "plain": break
  case "lz4": compression = .lz4Frame
  case "zstd": compression = .zstd
  case "cdata": batches = try batches.map(throughCData)
  case "slices": batches = batches.flatMap { pieces($0, rowCount: 3) }
  case "cdataslices": batches = try batches.flatMap { pieces($0, rowCount: 3) }.map(throughCData)
  case "joined":
    batches = try batches.map { batch in
      let parts = pieces(batch, rowCount: 3)
      return parts.isEmpty ? batch : try Batch.concatenate(parts)
    }
  case "text":
    let output = batches.map(text).joined()
    try Data(output.utf8).write(to: URL(fileURLWithPath: arguments[3]))
    return
  default: throw UsageError()
  }
  let stream = try IPCStream.write(
    schema: reader.schema, batches: batches, compression: compression)
  try bytes(stream).write(to: URL(fileURLWithPath: arguments[3]))
}

do {
  try run(CommandLine.arguments)
} catch {
  print(error)
  exit(1)
}
