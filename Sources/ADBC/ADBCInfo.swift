internal import Columnar

/// What a driver tells about itself and the database.
public struct ADBCInfo: Hashable, Sendable {
  /// Texts by the number that ADBC gives them.
  public var texts: [UInt32: String] = [:]
  /// Numbers, and truths as 0 and 1.
  public var numbers: [UInt32: Int64] = [:]

  public init() {}

  /// Such as `PostgreSQL`.
  public var vendorName: String? { texts[0] }
  public var vendorVersion: String? { texts[1] }
  public var driverName: String? { texts[100] }
  public var driverVersion: String? { texts[101] }

  /// Reads one batch of `GetInfo`: a number, and a dense union of the kinds of values.
  mutating func add(_ batch: Batch) {
    guard batch.columns.count == 2,
      case .union(.dense, let fields, let ids) = batch.columns[1].type,
      batch.columns[0].type == .uint32, batch.columns[0].buffers.count == 2,
      batch.columns[1].buffers.count == 2
    else { return }
    let (names, kinds, places) = (
      batch.columns[0].buffers[1], batch.columns[1].buffers[0], batch.columns[1].buffers[1]
    )
    let codes = names.values(as: UInt32.self)
    let typeIDs = kinds.values(as: Int8.self)
    let offsets = places.values(as: Int32.self)
    for row in 0..<batch.rowCount {
      guard let child = ids.firstIndex(of: typeIDs[row]), child < fields.count else { continue }
      let column = batch.columns[1].children[child]
      let place = Int(offsets[row])
      if let text = TextColumn(column)?[place] {
        texts[codes[row]] = text
      } else if let number = IntegerColumn(column)?[place] {
        numbers[codes[row]] = number
      }
    }
  }
}
