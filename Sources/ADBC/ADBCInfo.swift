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

  /// Reads one batch of `GetInfo`: a number, and a union of the kinds of values.
  mutating func add(_ batch: Batch) {
    guard batch.columns.count == 2 else { return }
    for row in 0..<batch.rowCount {
      guard let code = batch.columns[0].string(at: row).flatMap({ UInt32($0) }),
        let text = batch.columns[1].string(at: row)
      else { continue }
      switch batch.columns[1].resolved(row).column.type {
      case .utf8, .largeUTF8, .utf8View: texts[code] = text
      case .bool: numbers[code] = text == "true" ? 1 : 0
      case .int32, .int64: numbers[code] = Int64(text)
      default: continue
      }
    }
  }
}
