import CADBC
public import Columnar

extension ADBCConnection {
  /// How much `objects` tells.
  public enum ObjectDepth: Int32, Hashable, Sendable {
    case all = 0
    case catalogs = 1
    case schemas = 2
    case tables = 3
  }

  /// Catalogs, schemas, tables, columns and constraints, nested as the ADBC specification says. A call for the rows runs a query
  /// of the driver's.
  ///
  /// - Parameters: Patterns of LIKE, `nil` for all; an empty `catalog` or `schema` means objects without one.
  public func objects(
    depth: ObjectDepth = .all, catalog: String? = nil, schema: String? = nil, table: String? = nil,
    tableTypes: [String]? = nil, column: String? = nil
  ) throws(ADBCError) -> ADBCResult {
    try lock { () throws(ADBCError) in
      try unsafe withTexts([catalog, schema, table, column]) { texts throws(ADBCError) in
        try unsafe withTexts((tableTypes ?? []) + [nil]) { types throws(ADBCError) in
          // Null means all types; the list ends with a null.
          var list = unsafe Array(types)
          return try unsafe ADBCResult(from: self) { stream, error in
            unsafe list.withUnsafeMutableBufferPointer { list in
              unsafe AdbcConnectionGetObjects(
                handle, depth.rawValue, texts[0], texts[1], texts[2],
                tableTypes == nil ? nil : list.baseAddress, texts[3], stream, error)
            }
          }
        }
      }
    }
  }

  /// The columns of a table.
  public func tableSchema(
    catalog: String? = nil, schema: String? = nil, table: String
  ) throws(ADBCError) -> Schema {
    try lock { () throws(ADBCError) in
      try unsafe withTexts([catalog, schema, table]) { texts throws(ADBCError) in
        try unsafe importSchema { target, error in
          unsafe AdbcConnectionGetTableSchema(
            handle, texts[0], texts[1], texts[2], target, error)
        }
      }
    }
  }

  /// `table`, `view` and what else the database has.
  public func tableTypes() throws(ADBCError) -> [String] {
    let result = try lock { () throws(ADBCError) in
      try unsafe ADBCResult(from: self) { stream, error in
        unsafe AdbcConnectionGetTableTypes(handle, stream, error)
      }
    }
    var types: [String] = []
    while let batch = try result.next() {
      guard let column = batch.columns.first else { continue }
      types += (0..<batch.rowCount).compactMap { column.string(at: $0) }
    }
    return types
  }

  /// What is known about the values of tables, as batches that the ADBC specification describes. Few drivers have it.
  public func statistics(
    catalog: String? = nil, schema: String? = nil, table: String? = nil, isApproximate: Bool = true
  ) throws(ADBCError) -> ADBCResult {
    try lock { () throws(ADBCError) in
      try unsafe withTexts([catalog, schema, table]) { texts throws(ADBCError) in
        try unsafe ADBCResult(from: self) { stream, error in
          unsafe AdbcConnectionGetStatistics(
            handle, texts[0], texts[1], texts[2], isApproximate ? 1 : 0, stream, error)
        }
      }
    }
  }

  /// The names of statistics that the driver has besides those of ADBC.
  public func statisticNames() throws(ADBCError) -> ADBCResult {
    try lock { () throws(ADBCError) in
      try unsafe ADBCResult(from: self) { stream, error in
        unsafe AdbcConnectionGetStatisticNames(handle, stream, error)
      }
    }
  }

  /// The rows of a part that `ADBCStatement.executePartitions` has named, maybe on another machine.
  public func readPartition(_ partition: [UInt8]) throws(ADBCError) -> ADBCResult {
    try lock { () throws(ADBCError) in
      try unsafe ADBCResult(from: self) { stream, error in
        unsafe AdbcConnectionReadPartition(handle, partition, partition.count, stream, error)
      }
    }
  }

  /// The driver's and the database's name and version.
  ///
  /// - Parameter codes: Which; `nil` for all that the driver knows.
  public func info(_ codes: [UInt32]? = nil) throws(ADBCError) -> ADBCInfo {
    let result = try lock { () throws(ADBCError) in
      try unsafe ADBCResult(from: self) { stream, error in
        unsafe AdbcConnectionGetInfo(handle, codes, codes?.count ?? 0, stream, error)
      }
    }
    var info = ADBCInfo()
    while let batch = try result.next() { info.add(batch) }
    return info
  }
}

/// Calls `body` with C strings that live as long as the call.
func withTexts<Value>(
  _ texts: [String?],
  _ body: ([UnsafePointer<CChar>?]) throws(ADBCError) -> Value
) throws(ADBCError) -> Value {
  try refuseZero(in: texts)
  var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
  for text in texts {
    guard let text else {
      unsafe pointers.append(nil)
      continue
    }
    let bytes = Array(text.utf8CString)
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    unsafe pointer.initialize(from: bytes, count: bytes.count)
    unsafe pointers.append(pointer)
  }
  defer { unsafe pointers.forEach { unsafe $0?.deallocate() } }
  return try unsafe body(pointers.map { unsafe $0.map { unsafe UnsafePointer($0) } })
}
