internal import Columnar
internal import SQL

/// Brings a batch into the columns of a stream: what needs no casts, here; what does, as a query.
struct RowConforming {
  enum Outcome {
    case fits(Batch)
    /// Some column has a type that only a cast turns into that of the stream.
    case needsCasts
    /// A column that takes no NULL has some, or a time that must be finite is not.
    case hasNulls
  }

  private let definition: StreamDefinition
  private let name: String
  /// The column with the times of rows, which may be sent as integers.
  private let timeColumn: UInt32?

  init(_ definition: StreamDefinition) {
    self.definition = definition
    name = definition.qualifiedName.description
    timeColumn = definition.runningTimeColumn?.id
  }

  /// What is known of a row that did not fit.
  static let deadLetterColumns: [StreamDefinition.Column] = [
    .init(id: 1, field: Field("error", .utf8), sqlType: "VARCHAR"),
    .init(id: 2, field: Field("row", .utf8), sqlType: "VARCHAR"),
    .init(id: 3, field: Field("producer", .utf8), sqlType: "VARCHAR"),
    .init(id: 4, field: Field("sequence", .int64), sqlType: "BIGINT"),
  ]

  /// Rows that did not fit, with who sent them.
  static func deadLetters(_ rows: Batch, _ marks: StreamMarks) -> Batch {
    let count = rows.rowCount
    return Batch(
      schema: Schema(deadLetterColumns.map(\.field)),
      columns: rows.columns.prefix(2) + [
        .strings(Array(repeating: marks.producer, count: count)),
        .int64s(Array(repeating: marks.sequence, count: count)),
      ], rowCount: count)
  }

  func conform(_ batch: Batch) throws(DatabaseError) -> Outcome {
    let places = try places(in: batch.schema)
    var columns: [Column] = []
    for (column, place) in zip(definition.current.columns, places) {
      let type = column.field.type
      guard let place else {
        guard column.defaultExpression == nil else { return .needsCasts }
        guard column.field.isNullable || batch.rowCount == 0 else { return .hasNulls }
        columns.append(.placeholder(type, batch.rowCount))
        continue
      }
      let given = batch.columns[place]
      if given.type == type {
        columns.append(given)
      } else if column.id == timeColumn, let times = given.eventTimes(as: type) {
        columns.append(times)
      } else if type != .utf8, let widened = given.widened(to: type) {
        columns.append(widened)
      } else {
        return .needsCasts
      }
      if !column.field.isNullable, given.nullCount > 0 { return .hasNulls }
      if column.id == timeColumn, let times = columns.last, times.hasInfiniteTimes {
        return .hasNulls
      }
    }
    return .fits(
      Batch(
        schema: definition.schema, columns: columns, rowCount: batch.rowCount,
        metadata: batch.metadata))
  }

  /// A batch whose columns have the stream's types, or the sentence that says what is wrong with it.
  func checked(_ batch: Batch) throws(DatabaseError) -> Batch {
    switch try conform(batch) {
    case .fits(let batch): return batch
    case .needsCasts:
      let types = zip(definition.current.columns, try places(in: batch.schema))
      for (column, place) in types {
        guard let place, batch.columns[place].type != column.field.type else { continue }
        throw DatabaseError(
          .invalidArgument,
          "column '\(column.field.name)' of the stream \(name) is stored as an Arrow type that SQL "
            + "cannot make; put rows of exactly this type")
      }
      throw DatabaseError(.invalidArgument, "the rows do not fit the stream \(name)")
    case .hasNulls:
      for (column, place) in zip(definition.current.columns, try places(in: batch.schema))
      where !column.field.isNullable {
        guard let place else {
          throw DatabaseError(
            .invalidArgument,
            "the rows have no column '\(column.field.name)', which takes no NULL in \(name)")
        }
        let row = (0..<batch.rowCount).first { batch.columns[place].isNull(at: $0) }
        if let row {
          throw DatabaseError(
            .invalidArgument,
            "row \(row) has NULL in column '\(column.field.name)', which takes none in \(name)")
        }
      }
      throw DatabaseError(
        .invalidArgument, "a row has an infinite time, which is in no window of \(name)")
    }
  }

  /// Where each column of the stream is in the rows; nil if it is not.
  private func places(in schema: Schema) throws(DatabaseError) -> [Int?] {
    if schema.fields.count == definition.current.columns.count,
      zip(schema.fields, definition.current.columns).allSatisfy({ $0.name == $1.field.name })
    {
      return Array(schema.fields.indices)
    }
    var places: [String: Int] = [:]
    for (index, field) in schema.fields.enumerated() {
      let key = field.name.lowercased()
      guard definition.column(named: key) != nil else { throw definition.noColumn(field.name) }
      guard places.updateValue(index, forKey: key) == nil else {
        throw DatabaseError(.invalidArgument, "the rows have two columns called '\(field.name)'")
      }
    }
    return definition.current.columns.map { places[$0.field.name.lowercased()] }
  }

  // MARK: Queries

  /// The rows with casts; a value that does not fit fails the query.
  func castQuery(_ schema: Schema) -> (String) -> String {
    let list = expressions(schema) { "CAST(\($0) AS \($1))" }.joined(separator: ", ")
    return { relation in "SELECT \(list) FROM \(relation)" }
  }

  /// The rows that fit, and the others with what is wrong with them.
  func splitQueries(_ schema: Schema) -> (good: (String) -> String, bad: (String) -> String) {
    let list = expressions(schema) { "TRY_CAST(\($0) AS \($1))" }.joined(separator: ", ")
    var problems: [String] = []
    for column in definition.current.columns {
      let shown = column.field.name
      guard let given = schema.fields.first(where: { $0.name.lowercased() == shown.lowercased() })
      else {
        if !column.field.isNullable, column.defaultExpression == nil {
          problems.append("WHEN true THEN \(stringLiteral("there is no column '\(shown)'"))")
        }
        continue
      }
      let value = quotedName(given.name)
      problems.append(
        "WHEN \(value) IS NOT NULL AND TRY_CAST(\(value) AS \(column.sqlType)) IS NULL THEN "
          + stringLiteral("column '\(shown)' is no \(column.sqlType)"))
      if column.id == timeColumn {
        problems.append(
          "WHEN isinf(TRY_CAST(\(value) AS \(column.sqlType))) THEN "
            + stringLiteral("column '\(shown)' is infinite"))
      }
      if !column.field.isNullable {
        problems.append(
          "WHEN \(value) IS NULL THEN \(stringLiteral("column '\(shown)' is NULL"))")
      }
    }
    let problem =
      problems.isEmpty ? "NULL::VARCHAR" : "CASE \(problems.joined(separator: " ")) END"
    return (
      { relation in "SELECT \(list) FROM \(relation) WHERE (\(problem)) IS NULL" },
      { relation in
        "SELECT \(problem) AS error, CAST(to_json(__rows) AS VARCHAR) AS row "
          + "FROM (FROM \(relation)) AS __rows WHERE (\(problem)) IS NOT NULL"
      }
    )
  }

  private func expressions(
    _ schema: Schema, _ cast: (String, String) -> String
  ) -> [String] {
    definition.current.columns.map { column in
      let name = column.field.name
      let given = schema.fields.first { $0.name.lowercased() == name.lowercased() }
      let value = given.map { quotedName($0.name) } ?? column.defaultExpression ?? "NULL"
      return cast(value, column.sqlType) + " AS " + quotedName(name)
    }
  }
}
