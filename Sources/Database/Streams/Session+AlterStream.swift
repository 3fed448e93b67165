internal import Columnar
internal import Log
internal import SQL

extension Session {
  /// Changes a stream; batches that are there are read under the new columns.
  func alter(_ stream: Stream, _ change: AlterStream) async throws(DatabaseError) {
    try await database.streams.turn.with { () async throws(DatabaseError) in
      var definition = stream.definition
      let oldKey = definition.key
      if case .rename = change, definition.isBuiltIn { throw definition.belongsToServer }
      try await apply(change, to: &definition)
      try checkTiering(definition)
      if definition.key != oldKey, database.streams.stream(definition.key) != nil {
        throw DatabaseError(
          .alreadyExists, "there is a stream \(definition.qualifiedName) already")
      }
      let companions = companions(of: stream)
      try await redefine(stream, running: definition)
      guard definition.key != oldKey else { return }
      for companion in companions {
        var moved = companion.definition
        moved.schemaName = definition.name
        try await redefine(companion, as: moved)
      }
    }
    if case .setOptions = change { try await makeCompanions(of: stream) }
    // Late rows have the columns of the others.
    if change.isOfColumns, let late = lateRows(of: stream) { try await alter(late, change) }
  }

  /// The same, and lets running aggregates begin anew if their windows have changed.
  private func redefine(
    _ stream: Stream, running definition: StreamDefinition
  ) async throws(DatabaseError) {
    let (old, new) = (stream.definition.options.running, definition.options.running)
    guard old.windowMicroseconds != new.windowMicroseconds, let running = running(of: stream) else {
      return try await redefine(stream, as: definition)
    }
    try await running.restart { () async throws(DatabaseError) in
      try await redefine(stream, as: definition)
    }
  }

  /// Makes a changed definition durable and takes it over. The caller has the catalog's turn.
  func redefine(_ stream: Stream, as definition: StreamDefinition) async throws(DatabaseError) {
    let old = stream.definition
    if definition.key != old.key { try await occupy(stream, old, definition) }
    do throws(DatabaseError) {
      try await database.streams.record(definition)
    } catch {
      if definition.key != old.key { try? await returnName(stream, old, definition) }
      throw error
    }
    if definition.key != old.key {
      try await relations { (relations) throws(DatabaseError) in
        try relations.unregister(stream, old)
      }
      _ = database.streams.remove(old.key)
    }
    stream.redefine(definition)
    database.streams.add(stream)
    try await relations { (relations) throws(DatabaseError) in
      try relations.register(stream, definition, replaces: true)
    }
    if definition.options.topicSettings != old.options.topicSettings {
      do throws(LogError) {
        try stream.topic.apply(definition.options.topicSettings)
      } catch {
        throw DatabaseError(error)
      }
    }
  }

  /// Takes the new name of a stream, unless something else has it.
  private func occupy(
    _ stream: Stream, _ old: StreamDefinition, _ definition: StreamDefinition
  ) async throws(DatabaseError) {
    do throws(DatabaseError) {
      try await relations { (relations) throws(DatabaseError) in
        try relations.register(stream, definition, replaces: false)
      }
    } catch {
      guard error.message.contains("already exists") else { throw error }
      throw DatabaseError(
        .alreadyExists, "\(definition.qualifiedName) exists already, and is no stream")
    }
  }

  private func returnName(
    _ stream: Stream, _ old: StreamDefinition, _ definition: StreamDefinition
  ) async throws(DatabaseError) {
    try await relations { (relations) throws(DatabaseError) in
      try relations.unregister(stream, definition)
      try relations.register(stream, old, replaces: true)
    }
  }

  private func apply(
    _ change: AlterStream, to definition: inout StreamDefinition
  ) async throws(DatabaseError) {
    try definition.checkRunning(change)
    switch change {
    case .rename(let name): definition.name = name
    case .setWatermark(let watermark):
      guard definition.column(named: watermark.column) != nil else {
        throw definition.noColumn(watermark.column)
      }
      let before = definition.eventTimeColumn
      definition.watermark = watermark
      try definition.checkWatermark()
      if let before, before.id != definition.eventTimeColumn?.id {
        definition.writtenOptions[StreamOptions.mixedEventTimes] = "true"
        definition.options.hasMixedEventTimes = true
      }
    case .setOptions(let options):
      let before = definition.options.running
      do throws(SQLError) {
        for option in options {
          try definition.options.set(option)
          definition.writtenOptions[option.name] = option.value
        }
      } catch {
        throw DatabaseError(error)
      }
      try definition.checkRunning(since: before)
    case .addColumn(let column, let isIfNotExists):
      if definition.column(named: column.name) != nil {
        if isIfNotExists { return }
        throw DatabaseError(
          .alreadyExists, "\(definition.qualifiedName) has a column '\(column.name)' already")
      }
      guard column.isNullable else {
        throw DatabaseError(
          .invalidArgument,
          "a column that is added must take NULL, since older rows have no value for it")
      }
      let added = try await columns(of: [column], firstID: definition.nextColumnID)
      definition.addVersion { $0 += added }
    case .renameColumn(let old, let new):
      guard let column = definition.column(named: old) else { throw definition.noColumn(old) }
      if let other = definition.column(named: new), other.id != column.id {
        throw DatabaseError(
          .alreadyExists, "\(definition.qualifiedName) has a column '\(new)' already")
      }
      definition.addVersion { columns in
        for index in columns.indices where columns[index].id == column.id {
          columns[index].field.name = new
        }
      }
      if definition.watermark?.column.lowercased() == old.lowercased() {
        definition.watermark?.column = new
      }
    case .setType(let name, let type): try await widen(name, to: type, in: &definition)
    }
  }

  private func widen(
    _ name: String, to type: String, in definition: inout StreamDefinition
  ) async throws(DatabaseError) {
    guard let column = definition.column(named: name) else { throw definition.noColumn(name) }
    let wanted = try await columns(of: [StreamColumn(name: name, type: type)])[0]
    guard
      wanted.field.type == column.field.type
        || Column.widens(column.field.type, to: wanted.field.type)
    else {
      throw DatabaseError(
        .invalidArgument,
        "column '\(column.field.name)' is \(column.sqlType) and can become wider only: not every "
          + "value of it is \(type)")
    }
    definition.addVersion { columns in
      for index in columns.indices where columns[index].id == column.id {
        columns[index].field.type = wanted.field.type
        columns[index].sqlType = type
      }
    }
  }
}

extension StreamDefinition {
  /// Whether the watermark follows a column that holds times.
  func checkWatermark() throws(DatabaseError) {
    guard let watermark else { return }
    guard let column = column(named: watermark.column) else {
      // It may come with the rows.
      if options.isSchemaless { return }
      throw noColumn(watermark.column)
    }
    guard case .timestamp = column.field.type else {
      throw DatabaseError(
        .invalidArgument,
        "the watermark of \(qualifiedName) follows column '\(column.field.name)', which is "
          + "\(column.sqlType): it must be a TIMESTAMP or TIMESTAMPTZ")
    }
  }

  /// A new version whose columns are those of the current one, changed.
  mutating func addVersion(_ change: (inout [Column]) -> Void) {
    var columns = current.columns
    change(&columns)
    versions.append(Version(id: current.id + 1, columns: columns))
  }

  func noColumn(_ name: String) -> DatabaseError {
    let known = current.columns.map(\.field.name).joined(separator: ", ")
    return DatabaseError(
      .invalidArgument,
      "the stream \(qualifiedName) has no column '\(name)'; it has \(known.isEmpty ? "none" : known)"
    )
  }
}
