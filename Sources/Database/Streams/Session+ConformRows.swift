internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// Rows as a stream stores them, and those that do not fit.
struct ConformedRows {
  var good: [Batch] = []
  /// Rows for the stream's dead letters.
  var dead: Batch?

  var goodCount: Int { good.reduce(0) { $0 + $1.rowCount } }
}

extension Session {
  /// Brings rows into the columns of a stream, by name.
  func conform(_ batches: [Batch], to stream: Stream) async throws(DatabaseError) -> ConformedRows {
    var rows = ConformedRows()
    var dead: [Batch] = []
    for batch in batches {
      if stream.definition.options.isSchemaless { try await evolve(stream, for: batch.schema) }
      let definition = stream.definition
      let conforming = RowConforming(definition)
      switch try conforming.conform(batch) {
      case .fits(let batch): rows.good.append(batch)
      case .needsCasts where definition.options.onError == .reject:
        let cast = try await self.cast(batch, conforming.castQuery(batch.schema))
        rows.good.append(try conforming.checked(cast))
      case .needsCasts, .hasNulls:
        if definition.options.onError == .reject {
          // It names the first row.
          rows.good.append(try conforming.checked(batch))
        } else {
          let (good, bad) = conforming.splitQueries(batch.schema)
          rows.good.append(try conforming.checked(try await self.cast(batch, good)))
          dead.append(try await self.cast(batch, bad))
        }
      }
    }
    if !dead.isEmpty {
      do {
        let all = try Batch.concatenate(dead)
        rows.dead = all.rowCount > 0 ? all : nil
      } catch {
        throw DatabaseError(.internal, "the dead letters cannot be put together: \(error)")
      }
    }
    return rows
  }

  /// Runs a query over a batch.
  ///
  /// - Parameter query: Makes it of what stands for the batch behind FROM.
  func cast(
    _ batch: Batch, _ query: (String) -> String
  ) async throws(DatabaseError) -> Batch {
    let liveTables = engine.instance.liveTables
    do {
      let id = try liveTables.add(BatchTable(schema: batch.schema, batches: [batch]))
      defer { liveTables.remove(id) }
      let sql = query(DuckDBInstance.liveRelation(id))
      let settings = state.withLock { $0.settings }
      return try await engine.run(settings) { (connection) throws(DuckDBError) in
        let result = try connection.prepare(sql).execute()
        let schema = result.schema
        var batches: [Batch] = []
        while let next = try result.next(maxRows: 65_536, allocator: HeapAllocator()) {
          batches.append(next)
        }
        guard !batches.isEmpty else {
          return Batch(
            schema: schema, columns: schema.fields.map { .empty($0.type) }, rowCount: 0)
        }
        do {
          return try Batch.concatenate(batches)
        } catch {
          throw DuckDBError(kind: .invalidInput, message: "\(error)")
        }
      }
    } catch {
      throw DatabaseError(any: error)
    }
  }

  // MARK: Columns that appear as rows bring them

  /// Adds the columns that rows bring, and widens those that must be wider.
  private func evolve(_ stream: Stream, for schema: Schema) async throws(DatabaseError) {
    guard SchemaGrowth.isNeeded(stream.definition, schema) else { return }
    try await database.streams.turn.with { () async throws(DatabaseError) in
      var definition = stream.definition
      guard SchemaGrowth.isNeeded(definition, schema) else { return }
      SchemaGrowth.grow(&definition, schema)
      try await redefine(stream, as: definition)
    }
  }
}

/// How the columns of a stream follow the rows.
enum SchemaGrowth {
  static func isNeeded(_ definition: StreamDefinition, _ schema: Schema) -> Bool {
    schema.fields.contains { field in
      guard let column = definition.column(named: field.name) else { return true }
      return wider(column.field.type, field.type) != column.field.type
    }
  }

  static func grow(_ definition: inout StreamDefinition, _ schema: Schema) {
    var next = definition.nextColumnID
    definition.addVersion { columns in
      for field in schema.fields {
        let name = field.name.lowercased()
        if let index = columns.firstIndex(where: { $0.field.name.lowercased() == name }) {
          let type = wider(columns[index].field.type, field.type)
          columns[index].field.type = type
          columns[index].sqlType = sqlType(type)
        } else {
          let type = wider(.null, field.type)
          columns.append(
            StreamDefinition.Column(
              id: next, field: Field(field.name, type), sqlType: sqlType(type)))
          next += 1
        }
      }
    }
  }

  /// The type that holds the values of both.
  private static func wider(_ old: DataType, _ new: DataType) -> DataType {
    let new = plain(new)
    if new == .null || old == new { return old == .null ? new : old }
    if old == .null || Column.widens(old, to: new), new != .utf8 { return new }
    if Column.widens(new, to: old) || [.int64].contains(new) && old == .float64 { return old }
    return .utf8
  }

  private static func plain(_ type: DataType) -> DataType {
    switch type {
    case .int8, .int16, .int32, .uint8, .uint16, .uint32: .int64
    case .float16, .float32, .decimal: .float64
    case .largeUTF8, .utf8View: .utf8
    default: type
    }
  }

  static func sqlType(_ type: DataType) -> String {
    switch type {
    case .int64: "BIGINT"
    case .float64: "DOUBLE"
    case .bool: "BOOLEAN"
    case .timestamp(_, nil): "TIMESTAMP"
    case .timestamp: "TIMESTAMPTZ"
    case .date32: "DATE"
    case .null: "VARCHAR"
    default: "VARCHAR"
    }
  }
}
