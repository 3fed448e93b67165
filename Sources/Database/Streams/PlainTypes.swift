internal import Columnar
internal import Synchronization

/// The types of columns that mean the same in every session and catalog, as DuckDB has told them once.
final class PlainTypes: Sendable {
  private static let names: Set<String> = [
    "bool", "boolean", "tinyint", "smallint", "int", "integer", "bigint", "utinyint", "usmallint",
    "uinteger", "ubigint", "real", "float", "double", "varchar", "text", "blob", "date",
    "timestamp",
  ]

  private let fields = Mutex<[String: Field]>([:])

  /// Columns of NULL of those types; nil unless all of them are known.
  func fields(of columns: [(name: String, type: String)]) -> [Field]? {
    fields.withLock { known in
      var fields: [Field] = []
      for column in columns {
        guard var field = known[column.type.lowercased()] else { return nil }
        field.name = column.name
        fields.append(field)
      }
      return fields
    }
  }

  func learn(_ types: [String], _ found: [Field]) {
    fields.withLock { known in
      for (type, field) in zip(types, found) where Self.names.contains(type.lowercased()) {
        known[type.lowercased()] = field
      }
    }
  }
}
