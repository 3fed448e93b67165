internal import Columnar
internal import DuckDB
internal import Log
internal import Synchronization

/// Rows of a stream on their way into a Parquet file: with `_offset` and `_ingest_time`, in order.
struct ColdSource: LiveTable {
  let stream: Stream
  let version: StreamDefinition.Version
  let offsets: Range<Offset>
  let schema: Schema
  /// Rows of a row group in the file, and those that are compared at a time: fewer where they are large.
  let groupRowCount: Int

  init(_ stream: Stream, _ version: StreamDefinition.Version, _ candidate: ColdCandidate) {
    self.stream = stream
    self.version = version
    offsets = candidate.offsets
    let rowCount = Int(offsets.upperBound.rawValue - offsets.lowerBound.rawValue)
    let fitting = rowCount * (16 << 20) / max(candidate.byteCount, 1)
    groupRowCount = min(max(fitting, 2_048), 65_536) / 2_048 * 2_048
    schema = Schema(version.schema.fields + StreamTable.hiddenFields)
  }

  var rowCount: Int? { Int(offsets.upperBound.rawValue - offsets.lowerBound.rawValue) }

  func scan(columns: [Int]) throws -> any BatchSource {
    Rows(reader(of: offsets), try stream.topic.units(in: offsets, ScanFilter()))
  }

  private func reader(of offsets: Range<Offset>) -> StreamReader {
    StreamReader(
      stream, version, visible: Array(version.columns.indices), hidden: StreamTable.hiddenFields,
      range: offsets, columns: Set(schema.fields.indices))
  }

  /// The rows of a part, and the marks in it.
  func rows(in part: Range<Offset>, _ marks: inout [ColdMark]) throws -> [Batch] {
    let reader = reader(of: part)
    var batches: [Batch] = []
    for unit in try stream.topic.units(in: part, ScanFilter()) {
      for record in try stream.topic.read(unit) {
        switch record {
        case .batch(let stored):
          if let batch = try reader.batch(stored) { batches.append(batch) }
        case .watermark(let microseconds, let offset):
          note(ColdMark(offset: offset, microseconds: microseconds), part, &marks)
        case .endOfStream(let offset):
          note(ColdMark(offset: offset, microseconds: nil), part, &marks)
        }
      }
    }
    return batches
  }

  /// A mark belongs to the part with the row behind it, or to the last one.
  private func note(_ mark: ColdMark, _ part: Range<Offset>, _ marks: inout [ColdMark]) {
    let isAtEnd = mark.offset == offsets.upperBound && part.upperBound == offsets.upperBound
    if part.contains(mark.offset) || isAtEnd { marks.append(mark) }
  }

  private final class Rows: BatchSource {
    private let reader: StreamReader
    private let state: Mutex<(units: ArraySlice<ScanUnit>, ready: [Batch])>

    init(_ reader: StreamReader, _ units: [ScanUnit]) {
      self.reader = reader
      state = Mutex((units[...], []))
    }

    var maxThreads: Int { 1 }

    func next() throws -> Batch? {
      try state.withLock { state in
        while state.ready.isEmpty, let unit = state.units.popFirst() {
          state.ready = try reader.batches(of: unit).reversed()
        }
        return state.ready.popLast()
      }
    }
  }
}
