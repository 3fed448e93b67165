internal import Columnar
internal import Database
internal import Engine
internal import FlightProtocol
internal import GRPC
internal import NIOCore
internal import Telemetry

extension FlightService {
  func doGet(_ call: ServerCall, _ session: Session) async throws {
    let ticket = try await request(call, as: Flight.Ticket.self)
    let command = try FlightSQL.Command(unpacking: ticket.ticket)
    switch command {
    case .statementTicket(let statement):
      let handle = try Self.handle(statement.statementHandle)
      let (query, pump) = try await session.result(handle)
      try await send(query, pump, call, session)
    case .statementQuery, .preparedStatementQuery:
      // Some clients put the command itself into the ticket.
      let query = try await start(command, call, session)
      let (_, pump) = try await session.result(query.handle)
      defer { session.closeResult(query.handle) }
      try await send(query, pump, call, session)
    default:
      let batches = try await metadata(command, call, session)
      try await send(batches, call)
    }
  }

  /// Ships a result as it comes. A client that reads slowly slows its statement down; one that
  /// goes away ends it.
  private func send(
    _ query: OpenQuery, _ pump: ResultPump, _ call: ServerCall, _ session: Session
  ) async throws {
    defer { session.readerLeft(query, pump) }
    if let live = query.live { return try await send(live, call) }
    var encoder = IPCEncoder(schema: pump.schema)
    // The first rows are waited for before anything is sent, so that an error can still be told
    // as such, and the first batch leaves together with the schema.
    do {
      var next = try await pump.next()
      try await send(try FlightData(encoder.schemaMessage), call)
      while let batch = next {
        for message in try encoder.encode(batch) {
          try await send(try FlightData(message), call)
        }
        metrics.sent(rowCount: batch.rowCount, byteCount: batch.byteCount)
        next = try await pump.next()
      }
    } catch let error as EngineError {
      throw GRPCError(DatabaseError(error))
    }
  }

  /// Ships rows as they come, each batch with the place behind it, until the client goes away.
  func send(_ live: LiveQuery, _ call: ServerCall) async throws {
    var encoder = IPCEncoder(schema: live.schema)
    do {
      // The schema goes at once: the first rows may be long in coming.
      try await send(try FlightData(encoder.schemaMessage), call)
      while let next = try await live.next() {
        var messages = try encoder.encode(next.batch)
        let last = messages.popLast()
        for message in messages { try await send(try FlightData(message), call) }
        if let last {
          let metadata = ByteBuffer(string: next.json)
          try await send(try FlightData(last, appMetadata: metadata), call)
        }
        metrics.sent(rowCount: next.batch.rowCount, byteCount: next.batch.byteCount)
      }
    } catch let error as DatabaseError {
      throw GRPCError(error)
    }
  }

  private func send(_ answer: (schema: Schema, batches: [Batch]), _ call: ServerCall) async throws {
    var encoder = IPCEncoder(schema: answer.schema)
    try await send(try FlightData(encoder.schemaMessage), call)
    for batch in answer.batches {
      for message in try encoder.encode(batch) {
        try await send(try FlightData(message), call)
      }
    }
  }

  // MARK: Metadata

  private func metadata(
    _ command: FlightSQL.Command, _ call: ServerCall, _ session: Session
  ) async throws -> (schema: Schema, batches: [Batch]) {
    let context = StatementContext(connectionID: call.connection.id)
    var facts = self.facts
    if case .getSqlInfo = command { facts = try await allFacts(session, context) }
    if Self.isAboutKeys(command) {
      return try await session.withForeignKeys { keys in
        try await metadata(command, facts, nil, keys, context, session)
      }
    }
    guard let depth = Self.foreignDepth(command) else {
      return try await metadata(command, facts, nil, nil, context, session)
    }
    return try await session.withForeignObjects(depth) { objects in
      try await metadata(command, facts, objects, nil, context, session)
    }
  }

  private static func isAboutKeys(_ command: FlightSQL.Command) -> Bool {
    switch command {
    case .getPrimaryKeys, .getExportedKeys, .getImportedKeys, .getCrossReference: true
    default: false
    }
  }

  /// What a command has to know of a database behind.
  private static func foreignDepth(_ command: FlightSQL.Command) -> ForeignDepth? {
    switch command {
    case .getCatalogs: .catalogs
    case .getDbSchemas: .schemas
    case .getTables: .tables
    default: nil
    }
  }

  private func metadata(
    _ command: FlightSQL.Command, _ facts: ServerFacts, _ foreign: ForeignObjects?,
    _ keys: ForeignKeyObjects?, _ context: StatementContext, _ session: Session
  ) async throws -> (schema: Schema, batches: [Batch]) {
    guard let answer = Metadata.answer(to: command, facts: { facts }, foreign: foreign, keys: keys)
    else {
      throw GRPCError(.invalidArgument, "the ticket is not one that this server gave out")
    }
    switch answer {
    case .batch(let batch): return (batch.schema, [batch])
    case .query(let query):
      let batches = try await session.internalQuery(query.sql, context)
      return (query.schema, try batches.map { try query.labelled($0) })
    case .tablesWithSchemas(let tables, let columns):
      return try await tablesWithSchemas(tables, columns, session, context)
    }
  }

  private func tablesWithSchemas(
    _ tables: MetadataQuery, _ columns: MetadataQuery, _ session: Session,
    _ context: StatementContext
  ) async throws -> (schema: Schema, batches: [Batch]) {
    let tableRows = try await session.internalQuery(tables.sql, context)
    let columnRows = try await session.internalQuery(columns.sql, context)
    guard !tableRows.isEmpty else { return (GetTables.schemaWithTableSchema, []) }
    let table = try tables.labelled(try Batch.concatenate(tableRows))
    let column =
      columnRows.isEmpty
      ? Batch(
        schema: columns.schema, columns: columns.schema.fields.map { .empty($0.type) }, rowCount: 0)
      : try Batch.concatenate(columnRows)
    var schemas: [RelationName: Schema] = [:]
    for row in 0..<table.rowCount {
      let name = RelationName(
        catalog: table.columns[0].string(at: row) ?? "",
        schema: table.columns[1].string(at: row) ?? "",
        name: table.columns[2].string(at: row) ?? "")
      // A view whose table is gone has no columns; that is no reason to fail the others.
      schemas[name] = try? await session.schema(of: "SELECT * FROM " + name.sql, context)
    }
    let answer = TableSchemas.append(to: table, columns: column) { schemas[$0] }
    return (answer.schema, [answer])
  }
}
