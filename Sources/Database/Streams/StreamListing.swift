internal import Columnar
internal import Log
internal import SQL

/// What SHOW and DESCRIBE answer about streams.
enum StreamListing {
  /// - Parameters:
  ///   - feeders: The continuous queries that write to a stream.
  ///   - problem: Why old rows of a stream are still in the log.
  static func streams(
    _ streams: [Stream], feeders: (Stream) -> [ContinuousQuery] = { _ in [] },
    problem: (TopicID) -> String? = { _ in nil }
  ) -> Batch {
    let definitions = streams.map(\.definition)
    let states = streams.map(\.topic.state)
    let time = DataType.timestamp(.microsecond, timeZone: "UTC")
    return batch([
      ("name", .strings(definitions.map { $0.qualifiedName.description })),
      ("columns", .int64s(definitions.map { Int64($0.current.columns.count) })),
      ("rows", .int64s(states.map { $0.head.rawValue - $0.start.rawValue })),
      ("bytes", .int64s(states.map { Int64($0.byteCount + $0.coldByteCount) })),
      ("first_offset", .int64s(states.map(\.start.rawValue))),
      ("next_offset", .int64s(states.map(\.head.rawValue))),
      ("last_ingest", .fixedWidth(time, states.map(\.lastIngestMicroseconds))),
      ("watermark", .fixedWidth(time, zip(definitions, states).map { $1.watermarkMicroseconds })),
      ("durability", .strings(definitions.map { $0.options.durability == .sync ? "sync" : "os" })),
      ("retention", .strings(definitions.map { $0.writtenOptions["retention"] })),
      (
        "status",
        .strings(
          states.map { $0.failure.map { "failed: \($0)" } ?? ($0.isEnded ? "ended" : "open") })
      ),
      (
        "fed_by",
        .strings(
          zip(streams, definitions).map { stream, definition in
            let ids = feeders(stream).map(\.id).joined(separator: ", ")
            return ids.isEmpty ? definition.storedOnce.map { _ in "stored once" } : ids
          })
      ),
      ("cold_rows", .int64s(states.map { $0.hotStart.rawValue - $0.start.rawValue })),
      ("cold_bytes", .int64s(states.map { Int64($0.coldByteCount) })),
      (
        "tiering",
        .strings(
          zip(streams, definitions).map { stream, definition in
            guard let after = definition.writtenOptions["tier_after"],
              definition.options.tierAfter != nil
            else { return nil }
            return problem(stream.topicID).map { "rows stay in the log: \($0)" } ?? "after \(after)"
          })
      ),
    ])
  }

  static func columns(of definition: StreamDefinition) -> Batch {
    let columns = definition.current.columns
    return batch([
      ("column_name", .strings(columns.map(\.field.name))),
      ("column_type", .strings(columns.map(\.sqlType))),
      ("null", .strings(columns.map { $0.field.isNullable ? "YES" : "NO" })),
      ("default", .strings(columns.map(\.defaultExpression))),
      (
        "watermark",
        .strings(
          columns.map { column in
            guard let watermark = definition.watermark,
              watermark.column.lowercased() == column.field.name.lowercased()
            else { return nil }
            return "\(column.field.name) - \(watermark.delay)"
          })
      ),
    ])
  }

  /// - Parameter feeders: The continuous queries that write to it.
  static func statement(
    of definition: StreamDefinition, feeders: [ContinuousQuery] = []
  ) -> Batch {
    var lines = definition.current.columns.map { column in
      quotedIfNeeded(column.field.name) + " " + column.sqlType
        + (column.field.isNullable ? "" : " NOT NULL")
        + (column.defaultExpression.map { " DEFAULT \($0)" } ?? "")
    }
    if let watermark = definition.watermark {
      let name = quotedIfNeeded(watermark.column)
      lines.append(
        "WATERMARK FOR \(name) AS \(name) - \(watermark.delay)")
    }
    var text = "CREATE STREAM \(definition.qualifiedName)"
    let maker = feeders.first { $0.definition.kind == .createStream }
    // As long as its columns are those of the query.
    let isWhole = maker != nil && definition.versions.count == 1
    if !isWhole, !lines.isEmpty { text += " (\n  " + lines.joined(separator: ",\n  ") + ")" }
    let options = definition.writtenOptions.filter { !$0.key.hasPrefix("__") }.sorted {
      $0.key < $1.key
    }
    .map { "\($0.key) = \(stringLiteral($0.value))" }
    if !options.isEmpty { text += " WITH (\(options.joined(separator: ", ")))" }
    if let maker, isWhole { text += " AS\n  \(maker.definition.query)\n  EMIT CHANGES" }
    for feeder in feeders where !(isWhole && feeder === maker) {
      text += "\n-- fed by \(feeder.id): \(feeder.definition.query)"
    }
    if let reason = definition.storedOnce { text += "\n-- its rows were stored once: \(reason)" }
    return batch([
      ("name", .strings([definition.qualifiedName.description])), ("statement", .strings([text])),
    ])
  }

  static func batch(_ columns: [(String, Column)]) -> Batch {
    Batch(
      schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1),
      rowCount: columns.first?.1.count ?? 0)
  }
}

extension StreamWatermark {
  /// The delay as SQL writes it, in the largest unit that fits.
  fileprivate var delay: String {
    let units: [(Int64, String)] = [
      (86_400_000_000, "DAY"), (3_600_000_000, "HOUR"), (60_000_000, "MINUTE"),
      (1_000_000, "SECOND"), (1_000, "MILLISECOND"),
    ]
    let unit = units.first { delayMicroseconds >= $0.0 && delayMicroseconds % $0.0 == 0 }
    return "INTERVAL '\(delayMicroseconds / (unit?.0 ?? 1))' \(unit?.1 ?? "MICROSECOND")"
  }
}
