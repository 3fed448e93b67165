internal import Columnar
internal import Log
internal import SQL

/// What a stream is: its name, its columns in all their versions, and its options.
struct StreamDefinition: Sendable {
  /// One column. Its id stays when it is renamed or gets another type.
  struct Column: Sendable, Hashable {
    var id: UInt32
    var field: Field
    /// The type as DuckDB writes it; what casts are made to.
    var sqlType: String
    var defaultExpression: String?
  }

  /// The columns as they were at one time. Batches say under which version they were stored.
  struct Version: Sendable, Hashable {
    var id: UInt32
    var columns: [Column]

    var schema: Schema { Schema(columns.map(\.field)) }
  }

  var topic: TopicID
  /// Schema and name, as in DuckDB.
  var schemaName: String
  var name: String
  /// Never empty; the last one is the current one.
  var versions: [Version]
  var watermark: StreamWatermark?
  /// As they were written, by name in lower case.
  var writtenOptions: [String: String] = [:]
  var options = StreamOptions()

  var current: Version { versions[versions.count - 1] }
  var schema: Schema { current.schema }

  /// The name as a person would write it.
  var qualifiedName: QualifiedName {
    schemaName == "main" ? QualifiedName(name) : QualifiedName(schemaName, name)
  }

  private static let storedOnceKey = "__stored_once"

  /// Why the rows of the query that made it were stored once, and do not flow; nil if they do, or if it
  /// was not made by a query.
  var storedOnce: String? {
    get { writtenOptions[Self.storedOnceKey] }
    set { writtenOptions[Self.storedOnceKey] = newValue?.replacing("\n", with: " ") }
  }

  /// Whether the server makes it by itself.
  var isBuiltIn: Bool { key == StreamName(schema: "main", name: MetricsRelation.name) }

  var belongsToServer: DatabaseError {
    DatabaseError(
      .permissionDenied,
      "\(qualifiedName) belongs to the server and can neither be dropped nor renamed; "
        + "ALTER STREAM \(qualifiedName) SET (retention = '7 days') removes old rows")
  }

  var key: StreamName { StreamName(schema: schemaName, name: name) }

  func version(_ id: UInt32) -> Version? { versions.last { $0.id == id } }

  func column(named name: String) -> Column? {
    current.columns.first { $0.field.name.lowercased() == name.lowercased() }
  }

  /// An id that no column has had.
  var nextColumnID: UInt32 {
    (versions.flatMap { $0.columns.map(\.id) }.max() ?? 0) + 1
  }
}

/// The name under which a stream is found: without regard to case.
struct StreamName: Hashable, Sendable {
  let schema: String
  let name: String

  init(schema: String, name: String) {
    self.schema = schema.lowercased()
    self.name = name.lowercased()
  }
}
