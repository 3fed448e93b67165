internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// Rows into a stream by SQL, and all of its rows out of it.
extension Session {
  /// Runs the source of an INSERT and stores its rows as one group.
  func insertRows(
    _ insert: StreamInsert, parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> ResultPump {
    let stream = insert.stream
    var batches: [Batch] = []
    if let parameters, parameters.rowCount > 1, let single = insert.singleRow {
      batches = try await rows(of: single, insert, parameters, context)
    } else {
      let query = try await rowQuery(insert, parameters, context)
      batches = try await rows(query, parameters: parameters, context)
    }
    let settings = StreamMarks()
    let acknowledgement = try await append(
      batches, to: stream, settings, transaction: context.transaction)
    let count = acknowledgement.rowCount + acknowledgement.deadLetterCount
    if insert.returning != nil {
      return try await ready(try await returned(insert, batches), changedRowCount: count)
    }
    return try await ready(
      Batch(
        schema: Schema([Field("Count", .int64)]), columns: [.int64s([Int64(count)])], rowCount: 1),
      changedRowCount: count)
  }

  /// What RETURNING answers with.
  private func returned(
    _ insert: StreamInsert, _ batches: [Batch]
  ) async throws(DatabaseError) -> Batch {
    do {
      let schema = batches.first?.schema ?? insert.stream.definition.schema
      let computed = insert.stream.definition.options.running
      let rows =
        batches.isEmpty
        ? Batch(schema: schema, columns: schema.fields.map { .empty($0.type) }, rowCount: 0)
        : try Batch.concatenate(batches)
      // What is computed is known only when the rows have their place in the stream.
      return try await cast(rows.without { computed.isComputed($0) }) {
        insert.returningQuery($0) ?? "FROM \($0)"
      }
    } catch {
      throw DatabaseError(any: error)
    }
  }

  /// The query whose rows are stored.
  private func rowQuery(
    _ insert: StreamInsert, _ parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> String {
    let definition = insert.stream.definition
    guard definition.options.isSchemaless, let source = insert.source else {
      guard let source = insert.source else { return try insert.query(definition, source: nil) }
      if insert.isByName {
        let given = try await described(source, context).resultSchema.fields.map(\.name)
        return try insert.query(definition, source: source, given: given)
      }
      guard definition.options.running.isOn, insert.columns == nil else {
        return try insert.query(definition, source: source)
      }
      var count = insert.valueCount
      if count == nil { count = try await described(source, context).resultSchema.fields.count }
      return try insert.query(
        definition, source: source, given: try definition.columns(ofValueCount: count ?? 0))
    }
    // Numbers become BIGINT and DOUBLE, as columns that appear by themselves have it.
    let query = insert.openQuery(source: source)
    let fields = try await described(query, context).resultSchema.fields
    let list = fields.map { field in
      let name = quotedName(field.name)
      let type = SchemaGrowth.castType(field.type)
      return type.map { "CAST(\(name) AS \($0)) AS \(name)" } ?? name
    }
    return "SELECT \(list.joined(separator: ", ")) FROM (\(query)) AS __typed"
  }

  /// What a prepared INSERT takes.
  func description(
    of insert: StreamInsert, _ context: StatementContext
  ) async throws(DatabaseError) -> StatementDescription {
    let query = try await rowQuery(insert, nil, context)
    if let returning = insert.returningQuery("(\(query))") {
      return StatementDescription(try await described(returning, context))
    }
    var description = StatementDescription(try await described(query, context))
    description.resultSchema = Schema([Field("Count", .int64)])
    return description
  }

  private func described(
    _ query: String, _ context: StatementContext
  ) async throws(DatabaseError) -> DuckDBEngine.Description {
    let settings = state.withLock { $0.settings }
    do {
      return try await engine.describe(query, settings, on: try laneForReading(context))
    } catch {
      throw DatabaseError(any: error)
    }
  }

  private func rows(
    _ query: String, parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> [Batch] {
    let settings = state.withLock { $0.settings }
    do {
      let pump = try await engine.start(
        query, settings, parameters: parameters, on: try laneForReading(context))
      defer { pump.close() }
      var batches: [Batch] = []
      while let batch = try await pump.next() { batches.append(batch) }
      return batches
    } catch {
      throw DatabaseError(any: error)
    }
  }

  /// Many rows of parameters at once.
  private func rows(
    of single: SingleRowInsert, _ insert: StreamInsert, _ parameters: Batch,
    _ context: StatementContext
  ) async throws(DatabaseError) -> [Batch] {
    let names = parameters.schema.fields.indices.map { "p\($0 + 1)" }
    guard single.parameters.allSatisfy({ $0 < names.count }) else {
      throw DatabaseError(
        .invalidArgument,
        "the statement has more parameters than the rows that were bound have columns")
    }
    let renamed = Batch(
      schema: Schema(
        zip(names, parameters.schema.fields).map { Field($0, $1.type, isNullable: true) }),
      columns: parameters.columns, rowCount: parameters.rowCount)
    let liveTables = engine.instance.liveTables
    let id: Int64
    do throws(DuckDBError) {
      id = try liveTables.add(BatchTable(schema: renamed.schema, batches: [renamed]))
    } catch {
      throw DatabaseError(error)
    }
    defer { liveTables.remove(id) }
    var bulk = insert
    bulk.source = single.statement(from: DuckDBInstance.liveRelation(id), columns: names)
    return try await rows(
      try await rowQuery(bulk, nil, context), parameters: nil, context)
  }

  /// All rows of a stream as they were stored, whether or not DuckDB has their types.
  func scan(_ stream: Stream, limit: Int?) async throws(DatabaseError) -> ResultPump {
    let state = stream.topic.state
    let reader = StreamReader(whole: stream, range: state.start..<state.head)
    let units: [ScanUnit]
    do throws(LogError) {
      units = try stream.topic.units(in: state.start..<state.head, ScanFilter())
    } catch {
      throw stream.failure(error)
    }
    let cursor = ScanCursor(reader, units, limit: limit)
    do {
      return try await engine.start(schema: stream.definition.schema) {
        () throws(DuckDBError) in try cursor.next()
      }
    } catch {
      throw DatabaseError(error)
    }
  }
}

/// Goes through the units of a scan in order, for one reader.
private final class ScanCursor: @unchecked Sendable {
  // Sendable: a result has one worker at a time.
  private let reader: StreamReader
  private var units: ArraySlice<ScanUnit>
  private var ready: [Batch] = []
  private var left: Int

  init(_ reader: StreamReader, _ units: [ScanUnit], limit: Int?) {
    self.reader = reader
    self.units = units[...]
    left = limit ?? .max
  }

  func next() throws(DuckDBError) -> Batch? {
    while left > 0 {
      if let batch = ready.popLast() {
        let taken = batch.rowCount <= left ? batch : batch.slice(from: 0, count: left)
        left -= taken.rowCount
        return taken
      }
      guard let unit = units.popFirst() else { return nil }
      do {
        ready = try reader.batches(of: unit).reversed()
      } catch {
        throw DuckDBError(kind: .io, message: "\(error)")
      }
    }
    return nil
  }
}

extension SchemaGrowth {
  /// The type that a value gets in a column that appears by itself; nil to leave it.
  static func castType(_ type: DataType) -> String? {
    switch type {
    case .int8, .int16, .int32, .uint8, .uint16, .uint32: "BIGINT"
    case .float16, .float32, .decimal: "DOUBLE"
    case .null: "VARCHAR"
    case .structure, .list, .largeList, .map, .union, .fixedSizeList: "JSON"
    default: nil
    }
  }
}
